import fastify from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from '../../application/ports.ts';
import type { Caller } from '../../domain/access/caller.ts';
import type { AdministrationPorts } from './administration.ts';
import type { App } from './app-type.ts';
import { createErrorHandler } from './problem.ts';
import { addAdministrationRoutes } from './routes/administration.ts';
import { validatorCompiler } from './validation.ts';

/** The routes of administration for one caller, to be called with `inject`: never listens. */
export function createAdministrationApp(ports: AdministrationPorts, caller: Caller, log: Logger): App {
  const app = fastify().withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(log));
  app.decorateRequest('caller', undefined);
  app.addHook('onRequest', async (request) => {
    request.caller = caller;
  });
  addAdministrationRoutes(app, ports);
  return app;
}
