import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';

export type ImageAnswer = (response: ServerResponse, body: Readonly<Record<string, unknown>>) => void | Promise<void>;

/** A loopback server in the shape of OpenAI's image API, whose answers a test decides one by one. */
export interface ImageServer extends AsyncDisposable {
  readonly url: string;
  /** Bodies of the pictures that were asked for. */
  readonly asked: Readonly<Record<string, unknown>>[];
  readonly authorization: () => string | undefined;
  /** Requests whose client went away before the answer. */
  readonly abandoned: () => number;
}

/** Gives the answers in turn, the last one for all further requests. Any other address has a picture of 96 × 64. */
export async function startImageServer(answers: readonly ImageAnswer[], models = ['some-model']): Promise<ImageServer> {
  const rest = [...answers];
  const asked: Readonly<Record<string, unknown>>[] = [];
  let authorization: string | undefined;
  let abandoned = 0;
  const server = createServer(async (request, response) => {
    authorization = request.headers.authorization;
    if (request.url === '/v1/models') return void response.end(JSON.stringify({ data: models.map((id) => ({ id })) }));
    if (request.method === 'GET') return void response.end(await plainPng(96, 64));
    const body = JSON.parse(await textOf(request)) as Readonly<Record<string, unknown>>;
    asked.push(body);
    response.on('close', () => {
      if (!response.writableEnded) abandoned += 1;
    });
    const answer = rest.length > 1 ? rest.shift() : rest[0];
    await answer?.(response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    authorization: () => authorization,
    abandoned: () => abandoned,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A picture of the size that was asked for, of one colour. */
export const drawn: ImageAnswer = async (response, { size }) => {
  const [width = 1, height = 1] = String(size).split('x').map(Number);
  response.end(
    JSON.stringify({ created: 1, data: [{ b64_json: (await plainPng(width, height)).toString('base64') }] }),
  );
};

export function refuse(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): ImageAnswer {
  return (response) => void response.writeHead(status, headers).end(JSON.stringify(body));
}

export function plainPng(width: number, height: number): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#2060a0' } })
    .withExif({ IFD0: { ImageDescription: 'a note of the server' } })
    .png()
    .toBuffer();
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
