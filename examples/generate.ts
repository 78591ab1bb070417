/** Draws a picture with the typed client: submit, follow the events, save. */
import { writeFile } from 'node:fs/promises';
import { createClient } from '@imagemill/api/client';

const baseUrl = process.env['IMAGEMILL_SERVER'] ?? 'http://127.0.0.1:7860';
const key = process.env['IMAGEMILL_KEY'];
const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
const client = createClient({ baseUrl, headers });

const { id } = await client.submitGeneration({
  prompt: process.argv[2] ?? 'a red apple on a blue background',
  count: 2,
});
for await (const event of client.events(id)) {
  if (event.type === 'job.step') process.stdout.write(`picture ${event.index}: step ${event.step} of ${event.steps}\n`);
  if (event.type === 'job.failed') process.stderr.write(`picture ${event.index} failed: ${event.error.message}\n`);
  if (event.type !== 'job.succeeded') continue;
  const picture = await fetch(client.url(event.asset.url), { headers });
  const name = `${id}-${event.index}.png`;
  await writeFile(name, await picture.bytes());
  process.stdout.write(`${name}\n`);
}
