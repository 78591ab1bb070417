import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';

/**
 * ComfyUI's API over loopback with the shapes that version 0.3.64 answered with, for workflows of the nodes EmptyImage
 * and PreviewImage. The tests of the real one run with IMAGEMILL_TEST_COMFYUI=<url>.
 */
export interface ComfyUi extends AsyncDisposable {
  readonly url: string;
  /** Paths of what was asked, with the bodies of POST. */
  readonly calls: readonly string[];
  /** Keeps workflows under way until the result is called. */
  hold(): () => void;
  /** The next workflow ends with this error of a node. */
  failNext(exceptionType: string, words: string): void;
  /** Answers the next looks at the queue with this. */
  stumble(times: number, status: number, text: string): void;
  /** Somebody stops what is under way. */
  interrupt(): void;
  /** Tells the next client of its WebSocket of a step, and drops it. */
  dropSockets(): void;
  /** Forgets everything, as a restart does. */
  forget(): void;
}

interface Node {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

interface Prompt {
  readonly id: string;
  readonly nodes: Readonly<Record<string, Node>>;
}

export async function startComfyUi(): Promise<ComfyUi> {
  const calls: string[] = [];
  const queue: Prompt[] = [];
  const history = new Map<string, object>();
  const files = new Map<string, Buffer>();
  let holds = 0;
  let failure: { type: string; words: string } | undefined;
  let lastId = 0;
  let stumbles = { times: 0, status: 200, text: '' };

  /** What has ended is in the history before it leaves the queue. */
  const finish = async (prompt: Prompt): Promise<void> => {
    history.set(prompt.id, await entryOf(prompt));
    queue.splice(queue.indexOf(prompt), 1);
  };
  const entryOf = async (prompt: Prompt): Promise<object> => {
    const failed = failure;
    failure = undefined;
    if (failed !== undefined) return failedEntry(failed);
    const inputs = Object.values(prompt.nodes).find(({ class_type }) => class_type === 'EmptyImage')?.inputs ?? {};
    const name = `ComfyUI_temp_algyu_${prompt.id}_.png`;
    files.set(name, await emptyImage(inputs));
    const images = [{ filename: name, subfolder: '', type: 'temp' }];
    return { outputs: { s: { images } }, status: statusOf('success', []) };
  };
  const settle = async (): Promise<void> => {
    while (holds === 0 && queue[0] !== undefined) await finish(queue[0]);
  };

  const post = async (path: string, body: Record<string, unknown>): Promise<[number, unknown]> => {
    if (path === '/prompt') {
      const nodes = body['prompt'] as Prompt['nodes'];
      const loader = Object.values(nodes).find(({ class_type }) => class_type === 'VAELoader');
      if (loader !== undefined) return [400, missingFile(String(loader.inputs['vae_name']))];
      const unknown = Object.values(nodes).find(({ class_type }) => !KNOWN.has(class_type));
      if (unknown !== undefined) return [400, invalidPrompt(unknown.class_type)];
      lastId += 1;
      const id = `a5be40cf-75c5-47a5-aaaf-${lastId}`;
      queue.push({ id, nodes });
      await settle();
      return [200, { prompt_id: id, number: lastId, node_errors: {} }];
    }
    const ids = (body['delete'] as string[] | undefined) ?? [];
    if (path === '/history') for (const id of ids) history.delete(id);
    if (path === '/interrupt' || path === '/queue') {
      const gone = path === '/queue' ? ids : [body['prompt_id']];
      for (const prompt of queue.filter(({ id }) => gone.includes(id))) queue.splice(queue.indexOf(prompt), 1);
    }
    return [200, ''];
  };
  const get = (url: URL): [number, unknown] => {
    if (url.pathname === '/system_stats')
      return [200, { system: { comfyui_version: '0.3.64' }, devices: [{ name: 'cpu' }] }];
    if (url.pathname === '/queue')
      return [200, { queue_running: queue.map(({ id }, at) => [at, id, {}, {}, []]), queue_pending: [] }];
    if (url.pathname === '/view') return [200, files.get(url.searchParams.get('filename') ?? '')];
    const id = /^\/history\/(.+)$/.exec(url.pathname)?.[1] ?? '';
    const entry = history.get(id);
    return [200, entry === undefined ? {} : { [id]: entry }];
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const text = await textOf(request);
    calls.push(`${request.method} ${url.pathname} ${text}`);
    if (url.pathname === '/queue' && request.method === 'GET' && stumbles.times > 0) {
      stumbles = { ...stumbles, times: stumbles.times - 1 };
      return void response.writeHead(stumbles.status).end(stumbles.text);
    }
    const isPost = request.method === 'POST';
    const [status, answer] = isPost ? await post(url.pathname, JSON.parse(text)) : get(url);
    response.writeHead(status).end(answer instanceof Buffer ? answer : JSON.stringify(answer ?? null));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    hold() {
      holds += 1;
      return () => {
        holds -= 1;
        void settle();
      };
    },
    failNext(type, words) {
      failure = { type, words };
    },
    stumble(times, status, text) {
      stumbles = { times, status, text };
    },
    interrupt() {
      for (const { id } of queue.splice(0)) {
        history.set(id, { outputs: {}, status: statusOf('error', [['execution_interrupted', { node_id: 'a' }]]) });
      }
    },
    dropSockets() {
      server.on('upgrade', (request, socket) => {
        const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        const accept = createHash('sha1').update(key).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
        );
        const text = Buffer.from(JSON.stringify({ type: 'progress', data: { value: 1, max: 4 } }));
        socket.end(Buffer.concat([Buffer.of(0x81, text.length), text]), () => socket.destroy());
      });
    },
    forget() {
      queue.length = 0;
      history.clear();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function emptyImage({ width, height, color }: Readonly<Record<string, unknown>>): Promise<Buffer> {
  const value = Number(color);
  const background = { r: (value >> 16) & 255, g: (value >> 8) & 255, b: value & 255 };
  return sharp({ create: { width: Number(width), height: Number(height), channels: 3, background } })
    .png()
    .toBuffer();
}

function statusOf(status: 'success' | 'error', messages: readonly unknown[]) {
  return { status_str: status, completed: status === 'success', messages: [['execution_start', {}], ...messages] };
}

function failedEntry({ type, words }: { type: string; words: string }) {
  const message = {
    exception_type: type,
    exception_message: words,
    node_type: 'EmptyImage',
    node_id: 'a',
    traceback: [],
  };
  return { outputs: {}, status: statusOf('error', [['execution_error', message]]) };
}

function invalidPrompt(node: string) {
  const message = `Cannot execute because node ${node} does not exist.`;
  return { error: { type: 'invalid_prompt', message, details: "Node ID '#a'", extra_info: {} }, node_errors: {} };
}

function missingFile(name: string) {
  const details = `vae_name: '${name}' not in ['pixel_space']`;
  const errors = [{ type: 'value_not_in_list', message: 'Value not in list', details, extra_info: {} }];
  const message = 'Prompt outputs failed validation';
  const error = { type: 'prompt_outputs_failed_validation', message, details: '', extra_info: {} };
  return { error, node_errors: { b: { errors, dependent_outputs: ['s'], class_type: 'VAELoader' } } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

const KNOWN: ReadonlySet<string> = new Set(['EmptyImage', 'PreviewImage']);
