/**
 * The gallery with 100,000 pictures in Chromium: fills the database of a server with records of real pictures, scrolls
 * the page to the oldest one and jumps about in it, and prints the longest tasks of the page's thread.
 *
 * `node benchmarks/gallery-scroll.ts [--records 100000]`. Needs Chromium (CHROMIUM_PATH names another one than Debian's).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { loadConfig, startServer } from '../apps/server/src/index.ts';
import { createClient } from '../packages/api/src/client/index.ts';

const { values } = parseArgs({ options: { records: { type: 'string', default: '100000' } } });
const records = Number(values.records);
const drawn = 100;
const dataDir = mkdtempSync(join(tmpdir(), 'imagemill-gallery-'));
const model = fileURLToPath(new URL('../models/demo', import.meta.url));
const start = () =>
  startServer(loadConfig({ overrides: { port: 0, dataDir, model, drainMs: 0, logLevel: 'error' }, environment: {} }));

const watch = `
  globalThis.tasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tasks.push(duration);
  }).observe({ type: 'longtask' });
  globalThis.frame = () => new Promise(requestAnimationFrame);`;

/** Steps of a screen, and every tenth a jump to anywhere. */
const jumps = `(async () => {
  const height = document.documentElement.scrollHeight - innerHeight;
  let at = height;
  for (let step = 0; step < 400; step += 1) {
    at = step % 10 === 9 ? (step * 7919 * innerHeight) % height : Math.max(0, at - innerHeight);
    scrollTo(0, at);
    await frame();
  }
  return '400 frames';
})()`;

try {
  await draw();
  fill(join(dataDir, 'imagemill.db'));
  const server = await start();
  try {
    await measure(server.url);
  } finally {
    await server.close();
  }
} finally {
  rmSync(dataDir, { recursive: true });
}

/** Real pictures, so that the browser decodes as many different ones as it shows. */
async function draw(): Promise<void> {
  const server = await start();
  const client = createClient({ baseUrl: server.url });
  const { id } = await client.submitGeneration({ prompt: '一只熊猫，绿色背景', count: drawn, steps: 1 });
  for await (const _event of client.events(id));
  await server.close();
}

/** Copies of their records, each job in a generation of its own. */
function fill(path: string): void {
  const database = new DatabaseSync(path);
  const copy = (table: string, changes: Readonly<Record<string, string>>, from: string): void => {
    const columns = database.prepare(`select name from pragma_table_info('${table}')`).all() as { name: string }[];
    const names = columns.map(({ name }) => name);
    const values = names.map((name) => changes[name] ?? `t.${name}`);
    database.exec(`
      with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${records - drawn})
      insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from numbers join ${from}`);
  };
  const id = (kind: string): string => `printf('0000${kind}-%08d', n)`;
  database.exec('begin');
  copy('generations', { id: id('g'), count: '1', jobs_succeeded: '1', seed: 'n' }, 'generations t');
  const picked = `jobs t on t.position = n % ${drawn} and length(t.id) > 20`;
  copy('jobs', { id: id('j'), generation_id: id('g'), position: '0', seed: 'n' }, picked);
  database.exec('commit');
  database.close();
}

async function measure(url: string): Promise<void> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--headless', '--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${url}/gallery`);
    await page.getByRole('checkbox').first().waitFor();
    await page.evaluate(watch);
    console.log(`load ${loadavg()[0]?.toFixed(1)}, ${records} records`);
    await report(page, 'to the oldest picture, page by page', toTheEnd(records));
    await report(page, 'up and down through all of them', jumps);
  } finally {
    await browser.close();
  }
}

/** Wall times suffer from whatever else the machine does; processor times of the tasks hardly do. */
async function report(page: Page, what: string, script: string): Promise<void> {
  const browser = page.context().browser();
  await page.evaluate('tasks.length = 0');
  await browser?.startTracing(page, { categories: ['toplevel'] });
  const begun = performance.now();
  const seen = await page.evaluate(script);
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  const cpu = taskTimes(JSON.parse(String(await browser?.stopTracing())));
  const wall = (await page.evaluate('tasks')) as number[];
  console.log(`${what}: ${seen}, ${seconds} s`);
  for (const [name, tasks] of [
    ['wall time', wall],
    ['processor time', cpu],
  ] as const) {
    const over = (limit: number): number => tasks.filter((ms) => ms > limit).length;
    console.log(
      `  ${name}: longest ${Math.round(Math.max(0, ...tasks.filter((ms) => ms > 1)))} ms, over 50 ms ${over(50)}, over 100 ms ${over(100)}`,
    );
  }
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time in µs. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Processor time in ms of each task of the page's own thread: the main thread of the renderer that did most. */
function taskTimes({ traceEvents }: { readonly traceEvents: readonly TraceEvent[] }): readonly number[] {
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const byThread = new Map<string, number[]>(mains.map((event) => [threadOf(event), []]));
  for (const event of traceEvents) {
    if (event.ph === 'X' && event.name.endsWith('RunTask'))
      byThread.get(threadOf(event))?.push((event.tdur ?? 0) / 1_000);
  }
  return [...byThread.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}

/** Scrolls to the foot whenever there is more; the height of the grid tells how many are there. */
function toTheEnd(count: number): string {
  return `(async () => {
  const grid = document.querySelector('main ul:last-of-type');
  const rows = () => grid.getBoundingClientRect().height / grid.querySelector('li').getBoundingClientRect().height;
  const columns = new Set([...grid.querySelectorAll('li')].map((tile) => tile.style.transform.split('px')[0])).size;
  let frames = 0;
  while (rows() * columns < ${count} * 0.93 || grid.getBoundingClientRect().bottom > innerHeight * 4) {
    scrollTo(0, document.documentElement.scrollHeight);
    await frame();
    frames += 1;
    if (frames > 60000) throw new Error('only ' + rows() * columns + ' pictures were reached');
  }
  return frames + ' frames';
})()`;
}
