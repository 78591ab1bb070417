import { errorCodes } from '@imagemill/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isOpenAiPath, sendOpenAiError } from './openai/errors.ts';
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
    const isKnown = allowed.length > 0;
    const detail = isKnown
      ? `${path} does not take ${request.method}, but ${allowed.join(', ')}.`
      : `There is no route ${path}.`;
    if (isKnown) reply.header('allow', allowed.join(', '));
    const code = isKnown ? 'method_not_allowed' : 'route_not_found';
    if (!isOpenAiPath(path)) return sendProblem(request, reply, { code, detail });
    return sendOpenAiError(reply, { status: errorCodes[code].status, message: detail, code });
  };
  app.setNotFoundHandler(answer);
  // Before the body is looked at: what is wrong with it does not matter where nobody would read it.
  app.addHook('preParsing', async (request, reply) => {
    if (request.is404) await answer(request, reply);
  });
}
