import { createServer, type Server } from 'node:http';
import type { NotReady } from '../../application/readiness.ts';

export interface WorkerAppPorts {
  readonly whyNotReady: () => Promise<NotReady | undefined>;
  readonly metrics: { read(): Promise<string>; readonly contentType: string };
}

/** What a worker answers to those who watch it: `/health/live`, `/health/ready`, `/metrics`. Nothing else. */
export function createWorkerApp({ whyNotReady, metrics }: WorkerAppPorts): Server {
  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    '/health/live': async () => json(200, { status: 'ok' }),
    async '/health/ready'() {
      const problem = await whyNotReady();
      return problem === undefined ? json(200, { status: 'ok' }) : json(503, { status: 503, ...problem });
    },
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.read() }),
  };
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://worker').pathname;
    const answer = request.method === 'GET' ? answers[path] : undefined;
    (answer?.() ?? Promise.resolve(json(404, { status: 404, detail: 'A worker has no API.' })))
      .catch(() => json(500, { status: 500, detail: 'A fault of the worker; its log says more.' }))
      .then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
      });
  });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}
