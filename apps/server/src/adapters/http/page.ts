import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic, { type FastifyStaticOptions } from '@fastify/static';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { sendProblem } from './problem.ts';
import { pageSecurityPolicy } from './security.ts';

/** Paths that the page itself leads to; each is answered with its document, so that a reload stays where it was. */
const pagePaths = ['/sign-in', '/gallery', '/bulks', '/queue', '/review', '/alerts'];
/** Pages with parts, which have an address each. */
const pageFolders = ['/operation', '/administration'];

/** Serves the built page at `/`. Without one, `/` says how to build it. */
export async function addPage(app: FastifyInstance, folder: string, pictureOrigin?: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    const detail = 'The page is not built. Run "npm run build:web" and start again. The API works without it.';
    app.get('/', { config: { permission: 'public' }, schema: { hide: true } }, async (request, reply) =>
      sendProblem(request, reply, { code: 'route_not_found', detail }),
    );
    return;
  }
  await app.register((page, _options, done) => {
    page.addHook('onRoute', makePublic);
    void page.register(fastifyStatic, options(folder, pageSecurityPolicy(pictureOrigin)));
    for (const path of [...pagePaths, ...pageFolders, ...pageFolders.map((folder) => `${folder}/:part`)]) {
      // As people write it, with a slash at its end or without.
      for (const url of [path, `${path}/`]) {
        page.get(url, { schema: { hide: true } }, async (_request, reply) => reply.sendFile('index.html'));
      }
    }
    done();
  });
}

/** The files of the page hold no data: without a key it shows how to sign in. */
function makePublic(route: RouteOptions): void {
  route.config = { ...route.config, permission: 'public' };
}

function options(folder: string, securityPolicy: string): FastifyStaticOptions {
  return {
    root: folder,
    wildcard: false,
    cacheControl: false,
    schemaHide: true,
    setHeaders(reply, path) {
      reply.header('content-security-policy', securityPolicy);
      // File names under assets/ carry a hash of the contents.
      const isHashed = path.startsWith(join(folder, 'assets'));
      reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  };
}
