import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Generation, GenerationEvent } from '@imagemill/api';
import { type Client, createClient } from '@imagemill/api/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServerFolder, type ServerProcess } from '../support/server-process.ts';

let folder: ServerFolder;
beforeEach(async () => {
  folder = await ServerFolder.create();
});
afterEach(() => folder.remove());

const clientOf = (server: ServerProcess): Client => createClient({ baseUrl: server.url });

async function follow(client: Client, generation: Generation): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const event of client.events(generation.id)) events.push(event);
  return events;
}

async function untilEvent(client: Client, generation: Generation, type: GenerationEvent['type']): Promise<void> {
  const stop = new AbortController();
  for await (const event of client.events(generation.id, { signal: stop.signal })) if (event.type === type) return;
}

describe.skipIf(process.platform !== 'linux')('when the engine process is killed in the middle of a picture', () => {
  it('the job is drawn again, and the server answers all the while', async () => {
    const server = await folder.start({ device: 'fixed:400', retryPauseMs: 10 });
    const client = clientOf(server);
    const generation = await client.submitGeneration({ prompt: 'a boat', count: 2 });
    await untilEvent(client, generation, 'job.step');
    const [engine] = await server.enginePids();
    process.kill(engine ?? 0, 'SIGKILL');

    const events = await follow(client, generation);
    const again = events.find((event) => event.type === 'job.queued' && event.error !== undefined);
    expect(again).toMatchObject({ error: { code: 'engine_crashed', retryable: true } });
    const done = await client.getGeneration(generation.id);
    expect(done.state).toBe('succeeded');
    expect(done.jobs.map(({ attempt }) => attempt)).toEqual([2, 2]);
    const { attempts } = await client.getJob(done.jobs[0]?.id ?? '');
    expect(attempts).toMatchObject([
      { outcome: 'failed', error: { code: 'engine_crashed' } },
      { outcome: 'succeeded' },
    ]);
    expect((await client.getSystem()).engines[0]).toMatchObject({ state: 'ready', crashes: 1 });
    expect(await server.enginePids()).not.toContain(engine);
  });
});

describe('when the server is killed', () => {
  it('the next one draws what was running and what waited, each picture once', async () => {
    const first = await folder.start({ device: 'fixed:100', slots: 2 });
    const generations: Generation[] = [];
    for (let i = 0; i < 5; i++) {
      generations.push(await clientOf(first).submitGeneration({ prompt: `picture ${i}`, count: 4, seed: 10 * i }));
    }
    await untilEvent(clientOf(first), generations[1]!, 'job.started');
    expect(await first.stop('SIGKILL')).toEqual([null, 'SIGKILL']);

    const second = await folder.start({ device: 'fixed:10', slots: 2 });
    expect(second.summary.join()).toContain(join(folder.path, 'data'));
    const client = clientOf(second);
    const events = await Promise.all(generations.map((generation) => follow(client, generation)));
    for (const [i, generation] of generations.entries()) {
      const done = await client.getGeneration(generation.id);
      expect(done.state).toBe('succeeded');
      expect(done.jobs.map(({ seed }) => seed)).toEqual([0, 1, 2, 3].map((n) => 10 * i + n));
      expect(events[i]?.filter(({ type }) => type === 'job.succeeded')).toHaveLength(4);
      const ids = events[i]?.map(({ id }) => id) ?? [];
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
      for (const job of done.jobs) expect((await fetch(client.url(job.asset?.url ?? ''))).status).toBe(200);
    }
    expect((await client.getSystem()).queue).toEqual({ queued: 0, running: 0 });
  });

  it('a reader of events goes on where it was, on the new server', async () => {
    const port = await freePort();
    const first = await folder.start({ device: 'fixed:60000', port });
    const client = clientOf(first);
    const generation = await client.submitGeneration({ prompt: 'a boat', steps: 100 });
    const seen: GenerationEvent[] = [];
    const connections: string[] = [];
    const reading = (async () => {
      for await (const event of client.events(generation.id, { onConnection: (state) => connections.push(state) })) {
        seen.push(event);
        if (event.type === 'job.step' && event.attempt === 1 && connections.length === 1) await first.stop('SIGKILL');
        if (connections.length === 1 && event.type === 'job.step') await folder.start({ device: 'fixed:10', port });
      }
    })();
    await reading;
    expect(connections.slice(0, 2)).toEqual(['open', 'lost']);
    expect(connections.at(-1)).toBe('open');
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(seen.map(({ type }) => type).filter((type) => type !== 'job.step' && type !== 'job.preview')).toEqual([
      ...['job.queued', 'job.started', 'job.queued', 'job.started', 'job.succeeded', 'generation.finished'],
    ]);
  });
});

describe('when the server is told to stop', () => {
  it('it lets pictures under way end, keeps what waits and ends in good order', async () => {
    const first = await folder.start({ device: 'fixed:300', slots: 1 });
    const client = clientOf(first);
    const generation = await client.submitGeneration({ prompt: 'a boat', count: 2 });
    await untilEvent(client, generation, 'job.started');
    expect(await first.stop('SIGTERM')).toEqual([0, null]);

    const second = await folder.start({ device: 'fixed:60000' });
    const kept = await clientOf(second).getGeneration(generation.id);
    expect(kept.jobs[0]).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(['queued', 'running']).toContain(kept.jobs[1]?.state);
    expect(kept.jobs[1]?.error).toBeUndefined();
  });

  it('it hands pictures that would take too long back to the queue', async () => {
    const first = await folder.start({ device: 'fixed:60000', drainMs: 50 });
    const client = clientOf(first);
    const generation = await client.submitGeneration({ prompt: 'a boat', steps: 100 });
    await untilEvent(client, generation, 'job.started');
    expect(await first.stop('SIGTERM')).toEqual([0, null]);
    const second = await folder.start({ device: 'fixed:10' });
    await follow(clientOf(second), generation);
    expect((await clientOf(second).getGeneration(generation.id)).jobs[0]).toMatchObject({
      state: 'succeeded',
      attempt: 2,
    });
  });
});

describe('a server that cannot start says why in one sentence', () => {
  it('when another one works in the data folder', async () => {
    const first = await folder.start();
    await expect(folder.start()).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(`^error: Another Imagemill server \\(process ${first.pid} .*\\[data_folder_in_use\\]\n$`),
      ),
    });
  });

  it('when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(folder.start({ port })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(`^error: Another program listens on 127.0.0.1:${port}.*\\[port_in_use\\]\n$`),
      ),
    });
    other.close();
  });

  it('when the data folder is a file', async () => {
    await writeFile(join(folder.path, 'data'), '');
    await expect(folder.start()).rejects.toMatchObject({
      message: expect.stringMatching(/^error: The data folder .*data cannot be used: .*\[data_folder_unusable\]\n$/),
    });
  });

  it('when the model is not there, or is damaged', async () => {
    await expect(folder.start({ model: './nowhere' })).rejects.toMatchObject({
      message: expect.stringMatching(/^error: .*nowhere.*\[model_missing\]\n$/),
    });
    await mkdir(join(folder.path, 'broken'));
    await writeFile(join(folder.path, 'broken', 'model_index.json'), '{"_class_name":"ZImagePipeline"}');
    await expect(folder.start({ model: './broken' })).rejects.toMatchObject({
      message: expect.stringMatching(/^error: The model .*broken cannot be used: .*\[model_missing\]\n$/),
    });
    expect(await readdir(join(folder.path, 'broken'))).toHaveLength(1);
  });

  it('when the host could be reached by others', async () => {
    await expect(folder.start({ host: '0.0.0.0' })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^error: The host "0.0.0.0" can be reached from other machines.*\[host_not_loopback\]\n$/,
      ),
    });
  });
});

describe('when the engine cannot start', () => {
  it('the server accepts work all the same, says that it is not ready, and why', async () => {
    const server = await folder.start({ device: 'dml:7' });
    const client = clientOf(server);
    const generation = await client.submitGeneration({ prompt: 'a boat' });
    expect(generation.state).toBe('queued');
    let ready: Response;
    do ready = await fetch(`${server.url}/health/ready`);
    while (!(await ready.clone().text()).includes('dml:7'));
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ code: 'engine_unavailable', retryable: true });
    await server.stop('SIGTERM');
    const mended = await folder.start({ device: 'fixed:0' });
    await follow(clientOf(mended), generation);
    expect((await clientOf(mended).getGeneration(generation.id)).state).toBe('succeeded');
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
