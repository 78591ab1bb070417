import { access, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hubRepositoryFiles } from '../support/model-hub-files.ts';
import { type ModelHubServer, startModelHubServer } from '../support/model-hub-server.ts';
import { type CliOptions, type CliResult, runCli } from '../support/run-cli.ts';

const REPOSITORY = 'Tongyi-MAI/Z-Image-Small';
const BIG = 'transformer/diffusion_pytorch_model-00002-of-00007.safetensors';

let server: ModelHubServer;
let folder: string;

beforeEach(async () => {
  server = await startModelHubServer(REPOSITORY, await hubRepositoryFiles());
  folder = await mkdtemp(join(tmpdir(), 'imagemill-cli-'));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const models = (): string => join(folder, 'models');
const bigFile = (): string => join(models(), REPOSITORY, BIG);

function imagemill(
  args: readonly string[],
  options: Partial<CliOptions> & { env?: Record<string, string> } = {},
): Promise<CliResult> {
  const env = {
    IMAGEMILL_MODELS_DIR: models(),
    HF_ENDPOINT: server.endpoint,
    MODELSCOPE_ENDPOINT: server.endpoint,
    ...options.env,
  };
  return runCli(args, { cwd: folder, ...options, env });
}

describe('imagemill models', () => {
  it('pulls a model, which then draws by its name', async () => {
    const pulled = await imagemill(['models', 'pull', REPOSITORY]);
    expect(pulled.status).toBe(0);
    expect(pulled.stdout).toMatch(/^Tongyi-MAI\/Z-Image-Small is ready in .*\/models\/Tongyi-MAI\/Z-Image-Small \(/);
    expect(pulled.stderr).toContain('files, 3.4 MB.');
    expect(pulled.stderr).toMatch(/\[\d+\/\d+\] transformer\/config\.json/);
    const drawn = await imagemill([
      'generate',
      'x',
      '--model',
      'z-image-small',
      '--width',
      '64',
      '--height',
      '64',
      '--steps',
      '1',
      '--out',
      'out',
      '--json',
    ]);
    expect(drawn).toMatchObject({ status: 0, stderr: '' });
    expect(drawn.json()[0]).toMatchObject({ model: 'Z-Image-Small', width: 64, height: 64, steps: 1 });
  });

  it('lists what is installed, as a table and as JSON', async () => {
    await imagemill(['models', 'pull', REPOSITORY, '--source', 'modelscope']);
    const { stdout } = await imagemill(['models', 'list']);
    expect(stdout).toMatch(
      /^NAME +FAMILY +SIZE +VERIFIED +FOLDER\ndemo +z-image +\d+ MB +not yet +\S+\nTongyi-MAI\/Z-Image-Small +z-image +3\.4 MB +yes, \d{4}-\d\d-\d\d +\S+\n$/,
    );
    const [demo, small] = (await imagemill(['models', 'list', '--json'])).json();
    expect(demo).toMatchObject({ name: 'demo', family: 'z-image', verified: false, origin: null });
    expect(small).toMatchObject({
      name: REPOSITORY,
      shortName: 'Z-Image-Small',
      path: join(models(), REPOSITORY),
      verified: true,
      origin: { source: 'modelscope', endpoint: server.endpoint, repository: REPOSITORY, revision: 'master' },
    });
  });

  it('verifies a model, names what is damaged, and mends only that by another pull', async () => {
    await imagemill(['models', 'pull', REPOSITORY]);
    expect(await imagemill(['models', 'verify', REPOSITORY])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/all \d+ files are whole \(3\.4 MB\)/),
    });
    const { size } = await stat(bigFile());
    await truncate(bigFile(), 1000);
    await rm(join(models(), REPOSITORY, 'vae/config.json'));
    const verified = await imagemill(['models', 'verify', 'Z-Image-Small']);
    expect(verified).toMatchObject({
      status: 1,
      stdout: `damaged  ${BIG}: expected ${size} bytes, got 1000 bytes\nmissing  vae/config.json: expected the file, got no file\n`,
      stderr: expect.stringContaining(`"imagemill models pull ${REPOSITORY}" fetches only those anew.`),
    });
    const report = (await imagemill(['models', 'verify', 'Z-Image-Small', '--json'])).json()[0];
    expect(report).toMatchObject({
      ok: false,
      faults: [
        { path: BIG, fault: 'size' },
        { path: 'vae/config.json', fault: 'missing' },
      ],
    });
    const [mended] = (await imagemill(['models', 'pull', REPOSITORY, '--json'])).json();
    expect(mended).toMatchObject({
      verified: true,
      receivedBytes: size + (server.files.get('vae/config.json')?.length ?? 0),
    });
  });

  it('keeps what has arrived when it is stopped, and goes on from there', async () => {
    server.fault(BIG, { kind: 'stall', afterBytes: 200_000 });
    const part = `${join(models(), REPOSITORY)}.partial/${BIG}.part`;
    let isStopping = false;
    const stopped = await imagemill(['models', 'pull', REPOSITORY], {
      onStderr: (_text, child) => {
        if (isStopping) return;
        isStopping = true;
        void untilSize(part, 200_000).then(() => child.kill('SIGINT'));
      },
    });
    expect(stopped).toMatchObject({
      status: 130,
      stdout: '',
      stderr: expect.stringContaining('Stopped. The same command goes on where it stopped.'),
    });
    await expect(access(join(models(), REPOSITORY))).rejects.toMatchObject({ code: 'ENOENT' });
    const { status, stderr } = await imagemill(['models', 'pull', REPOSITORY]);
    expect(status).toBe(0);
    expect(stderr).toContain('are here already');
    expect(server.requests.findLast(({ path }) => decodeURIComponent(path).includes(BIG))).toMatchObject({
      range: 'bytes=200000-',
    });
    expect(await readFile(bigFile())).toEqual(server.files.get(BIG));
  });

  it('tells of each fault on the way in a line', async () => {
    server.fault(BIG, { kind: 'truncate', bytes: 1000 });
    const { status, stderr } = await imagemill(['models', 'pull', REPOSITORY]);
    expect(status).toBe(0);
    expect(stderr).toMatch(new RegExp(`${BIG}: .*ended after 1000 of \\d+ bytes\\. Trying again in [\\d.]+ s\\.`));
  });

  it('takes the token from HF_TOKEN for a gated model and never prints it', async () => {
    server.gatedBy = 'hf_secret';
    const refused = await imagemill(['models', 'pull', REPOSITORY]);
    expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('set HF_TOKEN') });
    expect(refused.stderr).toContain('[hub_access_denied]');
    const { status, stdout, stderr } = await imagemill(['models', 'pull', REPOSITORY, '--verbose'], {
      env: { HF_TOKEN: 'hf_secret' },
    });
    expect(status).toBe(0);
    expect(stdout + stderr).not.toContain('hf_secret');
  });

  it('refuses what cannot be a model with a sentence', async () => {
    expect(await imagemill(['models', 'pull', 'Z-Image-Turbo'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('expected owner/name'),
    });
    expect(await imagemill(['models', 'pull', 'a/b', '--endpoint', 'hf-mirror.com'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--endpoint: got "hf-mirror.com"'),
    });
    expect(await imagemill(['models', 'pull', 'a/b', '--source', 'github'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected huggingface or modelscope'),
    });
    expect(await imagemill(['models', 'verify', 'nothing'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[model_unknown]'),
    });
    expect(await imagemill(['models', 'pull', 'Tongyi-MAI/Nothing'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('[hub_model_not_found]'),
    });
  });
});

describe('the demo model', () => {
  it('matches its manifest', async () => {
    expect(await imagemill(['models', 'verify', 'demo'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('demo: all'),
    });
  });
});

/** Resolves when the file has grown to a size. */
async function untilSize(path: string, bytes: number): Promise<void> {
  for (;;) {
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    if (size >= bytes) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
