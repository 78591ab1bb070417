/**
 * What a batch of OpenAI's API costs the server: 50,000 lines on a device that needs no time, over HTTP with the
 * official package, while another client asks for its state and for the health of the server.
 *
 *     node benchmarks/openai-batch.ts [--lines 50000]
 */
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { hasEnded, requestLine, uploadLines } from '../tests/support/openai-batch.ts';
import { ServerFolder } from '../tests/support/server-process.ts';

const { values } = parseArgs({ options: { lines: { type: 'string', default: '50000' } } });
const count = Number(values.lines);
const model = fileURLToPath(new URL('../models/demo', import.meta.url));

const folder = await ServerFolder.create();
try {
  const server = await folder.start({ model, device: 'fixed:0', slots: 16, durability: 'full', logLevel: 'error' });
  const client = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1` });
  const lines = Array.from({ length: count }, (_, at) => requestLine(`line-${at}`));
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);
  const file = await uploadLines(client, lines);
  report('uploaded', `${seconds()} s, ${file.bytes} bytes`);
  const { id } = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/images/generations',
    completion_window: '24h',
  });
  const seen = new Set<string>();
  const latencies: number[] = [];
  let mostBytes = 0;
  for (;;) {
    const start = performance.now();
    const batch = await client.batches.retrieve(id);
    latencies.push(performance.now() - start);
    mostBytes = Math.max(mostBytes, await residentBytes(server.pid));
    if (!seen.has(batch.status)) {
      seen.add(batch.status);
      report(batch.status, `${seconds()} s, ${JSON.stringify(batch.request_counts)}`);
    }
    if (hasEnded(batch)) {
      const output = await client.files.retrieve(batch.output_file_id ?? '');
      report('output file', `${output.bytes} bytes`);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1);
  report('GET /v1/batches/{id} meanwhile', `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  report('memory of the server at most', `${Math.round(mostBytes / 1_048_576)} MB`);
  report('load', (loadavg()[0] ?? 0).toFixed(1));
  await server.stop('SIGTERM');
} finally {
  await folder.remove();
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
}

function report(name: string, value: string): void {
  process.stdout.write(`${name}: ${value}\n`);
}
