import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathOf, sendProblem } from './problem.ts';

/** Tells a wrong method (405 with Allow) from a wrong path (404). To be called before routes are added. */
export function addNotFound(app: FastifyInstance): void {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z_]+/g, '[^/]+')}$`);
    routes.push({ pattern, methods: [method].flat() });
  });
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request.url);
    const allowed = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))];
    if (allowed.length === 0) {
      return sendProblem(request, reply, { code: 'route_not_found', detail: `There is no route ${path}.` });
    }
    const detail = `${path} does not take ${request.method}, but ${allowed.join(', ')}.`;
    return sendProblem(request, reply.header('allow', allowed.join(', ')), { code: 'method_not_allowed', detail });
  };
  app.setNotFoundHandler(answer);
  // Before the body is looked at: what is wrong with it does not matter where nobody would read it.
  app.addHook('preParsing', async (request, reply) => {
    if (request.is404) await answer(request, reply);
  });
}
