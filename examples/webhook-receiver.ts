/** Receives webhooks and refuses those that are forged or too old. `IMAGEMILL_WEBHOOK_SECRET` is the whsec_… of the endpoint. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const verifier = new Webhook(process.env['IMAGEMILL_WEBHOOK_SECRET'] ?? '');
createServer(async (request, response) => {
  try {
    const event = verifier.verify(await text(request), request.headers as Record<string, string>);
    process.stdout.write(`${JSON.stringify(event)}\n`);
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(400).end((error as Error).message);
  }
}).listen(8080);
