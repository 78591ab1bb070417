import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/run-cli.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const imagemill = (...args: readonly string[]): Promise<CliResult> => runCli(args, { cwd: folder });

describe('imagemill generate', () => {
  it('draws with the demo model and prints one JSON line a picture, and nothing else', async () => {
    const { status, stderr, json } = await imagemill(
      'generate',
      'a red apple on a blue background',
      '--seed',
      '7',
      '--count',
      '2',
      '--out',
      'apples',
      '--json',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = json();
    expect(lines.map(({ seed }) => seed).toSorted()).toEqual([7, 8]);
    for (const line of lines) {
      expect(Object.keys(line)).toEqual(['file', 'width', 'height', 'seed', 'steps', 'model', 'timings']);
      expect(line).toMatchObject({
        width: 256,
        height: 256,
        steps: 8,
        model: 'demo',
        file: join(folder, `apples/a-red-apple-on-a-blue-background-${line['seed']}.png`),
      });
      expect(Object.keys(line['timings'] as object)).toEqual([
        'loadMs',
        'encodeMs',
        'denoiseMs',
        'decodeMs',
        'totalMs',
      ]);
      const { data, info } = await sharp(line['file'] as string)
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ format: 'raw', width: 256, height: 256, channels: 3 });
      // The middle of the apple is red, the corner of the background blue.
      const at = (x: number, y: number): number[] => [...data.subarray((y * 256 + x) * 3, (y * 256 + x) * 3 + 3)];
      const [[red = 0, , redBlue = 0], [blueRed = 0, , blue = 0]] = [at(128, 128), at(5, 5)];
      expect(red - redBlue).toBeGreaterThan(40);
      expect(blue - blueRed).toBeGreaterThan(40);
    }
  });

  it('gives the same bytes for the same seed, under a name that is still free', async () => {
    const draw = (): Promise<CliResult> =>
      imagemill('generate', '一个红苹果', '--seed', '3', '--steps', '2', '--out', 'same.png', '--json');
    const first = (await draw()).json()[0]?.['file'] as string;
    const second = (await draw()).json()[0]?.['file'] as string;
    expect([first, second]).toEqual([join(folder, 'same.png'), join(folder, 'same-2.png')]);
    expect(await readFile(second)).toEqual(await readFile(first));
  });

  it('takes size, steps and format from the options, and picks a seed that it shows', async () => {
    const { status, stdout } = await imagemill(
      'generate',
      'a fox',
      '--width',
      '192',
      '--height',
      '320',
      '--steps',
      '3',
      '--out',
      'fox.webp',
      '--quality',
      '60',
      '--weights',
      'mapped',
      '--threads',
      '1',
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/fox\.webp {2}192 × 320, seed \d+, 3 steps, [\d.]+ s\n$/);
    expect(await sharp(join(folder, 'fox.webp')).metadata()).toMatchObject({ format: 'webp', width: 192, height: 320 });
  });

  it('refuses wrong values in one sentence with status 2, before any engine starts', async () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [['--steps', '0'], '--steps: got "0", expected a whole number from 1 to 100. [option_invalid]'],
      [['--width', '250'], '--width: got 250, expected a multiple of 32'],
      [['--width', '1e9'], '--width: got "1e9"'],
      [['--guidance', 'NaN'], '--guidance: got "NaN", expected a number from 0 to 30'],
      [['--seed', '-1'], '--seed: got "-1"'],
      [['--seed', '9007199254740991', '--count', '2'], '--seed: got "9007199254740991"'],
      [['--out', 'x.gif'], '--out: got "x.gif"'],
      [['--out', 'x.png', '--count', '2'], 'a folder, as --count is 2'],
      [['--device', 'gpu'], '--device: got "gpu", expected cpu, webgpu or cuda:0'],
      [['--stpes', '3'], "unknown option '--stpes' (Did you mean --steps?) [unknown_option]"],
    ];
    for (const [args, expected] of refused) {
      const { status, stdout, stderr } = await imagemill('generate', 'x', '--out', 'refused', ...args);
      expect({ args, status, stdout }).toEqual({ args, status: 2, stdout: '' });
      expect(stderr).toContain(expected);
      expect(stderr.split('\n')).toHaveLength(2);
    }
    expect(await readdir(folder)).not.toContain('refused');
  });

  it('refuses prompts that are blank or too long', async () => {
    expect(await imagemill('generate', '  ')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('more than white space'),
    });
    expect(await imagemill('generate', 'x'.repeat(100_000))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('[option_invalid]'),
    });
  });

  it('writes errors as one JSON line on stderr when JSON is asked for', async () => {
    const { status, stdout, stderr } = await imagemill('generate', 'x', '--model', 'nothing', '--json');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'model_unknown', details: { reference: 'nothing', installed: ['demo'] } },
    });
  });

  it('names the folder that it cannot write, before it draws', async () => {
    await writeFile(join(folder, 'in-the-way'), '');
    expect(await imagemill('generate', 'x', '--out', 'in-the-way/deeper')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[output_unwritable]'),
    });
  });

  it('says that a device cannot be used', async () => {
    expect(await imagemill('generate', 'x', '--device', 'fixed:99999999999')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[device_unavailable]'),
    });
  });

  it('ends in order on Ctrl+C, with status 130 and no half picture', async () => {
    const result = await runCli(
      ['generate', 'x', '--device', 'fixed:60000', '--steps', '100', '--count', '2', '--out', 'stopped'],
      {
        cwd: folder,
        onStderr: (text, child) => text.endsWith('computes nothing.\n') && child.kill('SIGINT'),
      },
    );
    expect(result).toMatchObject({ status: 130, stdout: '', stderr: expect.stringContaining('Stopped.') });
    expect(result.stderr).not.toContain('error');
    expect(await readdir(join(folder, 'stopped'))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('says that its engine process died', async () => {
    const result = await runCli(['generate', 'x', '--device', 'fixed:60000', '--out', 'died'], {
      cwd: folder,
      onStderr: (text, child) => {
        if (!text.endsWith('computes nothing.\n')) return;
        void readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').then((pids) =>
          process.kill(Number(pids.trim().split(' ')[0]), 'SIGKILL'),
        );
      },
    });
    expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining('[engine_crashed]') });
  });
});

describe('imagemill', () => {
  it('prints its version, and those that matter for a report', async () => {
    expect(await imagemill('--version')).toMatchObject({ status: 0, stdout: '0.1.0\n' });
    const { json } = await imagemill('version', '--json');
    expect(json()[0]).toMatchObject({ imagemill: '0.1.0', node: process.versions.node, onnxruntime: '1.30.0' });
  });

  it('prints help on request, and for want of a command with status 2', async () => {
    expect(await imagemill('--help')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('generate [options] <prompt>'),
    });
    expect(await imagemill()).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage: imagemill'),
    });
    expect(await imagemill('generte')).toMatchObject({
      status: 2,
      stderr: "error: unknown command 'generte' (Did you mean generate?) [unknown_command]\n",
    });
  });

  it('refuses a Node that is too old in one sentence', async () => {
    const pretend =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})';
    const { status, stdout, stderr } = await runCli(['--help'], { cwd: folder, nodeArgs: ['--import', pretend] });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^Imagemill needs Node 22\.13 or newer.*\n$/);
  });
});

describe('imagemill parity', () => {
  const fixture = new URL('../fixtures/parity/float32', import.meta.url).pathname;

  it('prints how far each case is from the reference and writes what it computed', async () => {
    const { status, stdout, stderr } = await imagemill('parity', fixture, '--out', 'computed/float32.safetensors');
    expect(status).toBe(0);
    expect(stderr).toContain('all within tolerance');
    expect(stdout).toMatch(/^CASE +MEASURE +ERROR +TOLERANCE +OK\n/);
    expect(stdout).toMatch(/dit0\.y +relative +\d\.\d\de-\d +1\.00e-4 +ok/);
    const written = await readFile(join(folder, 'computed/float32.safetensors'));
    const header = JSON.parse(written.subarray(8, 8 + Number(written.readBigUInt64LE())).toString('utf8'));
    expect(Object.keys(header)).toEqual(
      expect.arrayContaining([
        'prompt0.ids',
        'prompt0.embeds',
        'dit0.y',
        'vae.image',
        'pipe0.latents_out',
        'pipe0.image',
      ]),
    );
  });

  it('fails on a folder that is no fixture, with a sentence', async () => {
    const { status, stderr } = await imagemill('parity', folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .* \[\w+\]\n$/);
  });
});
