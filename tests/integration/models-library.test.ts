import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManifest, writeManifest } from '@imagemill/diffusion';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createModelStore } from '../../apps/server/src/adapters/hub/model-store.ts';
import { createListModels } from '../../apps/server/src/application/list-models.ts';
import type { ModelError } from '../../apps/server/src/application/model-errors.ts';
import type { ModelStore, VerifyReport } from '../../apps/server/src/application/model-ports.ts';
import { createRecordModel, createVerifyModel } from '../../apps/server/src/application/verify-model.ts';

const FILES: Readonly<Record<string, string>> = {
  'model_index.json': '{"_class_name":"ZImagePipeline"}',
  'vae/config.json': '{}',
  'vae/diffusion_pytorch_model.safetensors': 'weights of the vae',
};

let project: string;
let own: string;
let store: ModelStore;

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'imagemill-library-'));
  project = join(root, 'project');
  own = join(root, 'own');
  store = createModelStore({ modelsFolder: own, readOnlyFolders: [project] });
  await install(join(project, 'demo'));
  await install(join(own, 'Tongyi-MAI/Z-Image-Turbo'));
});

afterEach(async () => {
  await rm(join(project, '..'), { recursive: true, force: true });
});

async function install(folder: string): Promise<void> {
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await writeManifest(folder, await createManifest(folder));
}

function verify(reference: string): Promise<VerifyReport> {
  return createVerifyModel({ store })({ reference, signal: new AbortController().signal });
}

async function findError(reference: string): Promise<ModelError> {
  return store.find(reference).then(
    () => expect.unreachable('a model was found'),
    (error: ModelError) => error,
  );
}

const turbo = (...path: string[]): string => join(own, 'Tongyi-MAI/Z-Image-Turbo', ...path);

describe('listing models', () => {
  it("lists the project's models first, then the user's, with family and size", async () => {
    const models = await createListModels({ store })();
    expect(models).toMatchObject([
      { name: 'demo', id: 'demo', path: join(project, 'demo'), family: 'z-image', verification: 'unverified' },
      {
        name: 'Z-Image-Turbo',
        id: 'Tongyi-MAI/Z-Image-Turbo',
        path: turbo(),
        family: 'z-image',
        verification: 'unverified',
      },
    ]);
    const manifestBytes = (await readFile(turbo('imagemill.manifest.json'))).length;
    expect(models[1]?.sizeBytes).toBe(manifestBytes + Object.values(FILES).join('').length);
  });

  it('leaves out staging folders, hidden folders and folders without model_index.json', async () => {
    await install(join(own, 'Tongyi-MAI/Other.partial'));
    await install(join(own, '.cache'));
    await mkdir(join(own, 'empty/inner'), { recursive: true });
    expect((await store.list()).map(({ id }) => id)).toEqual(['demo', 'Tongyi-MAI/Z-Image-Turbo']);
  });

  it('lists models that are linked into the folder', async () => {
    await symlink(join(project, 'demo'), join(own, 'linked'));
    expect((await store.list()).map(({ id }) => id)).toContain('linked');
  });

  it('is empty when no folder exists', async () => {
    expect(await createModelStore({ modelsFolder: join(own, 'nothing') }).list()).toEqual([]);
  });

  it('shows a pipeline that the engine does not draw as unknown', async () => {
    await writeFile(turbo('model_index.json'), '{"_class_name":"FluxPipeline"}');
    expect(await store.find('Z-Image-Turbo')).toMatchObject({ family: 'unknown' });
  });

  it('lists a model whose manifest is damaged, as changed', async () => {
    await writeFile(turbo('imagemill.manifest.json'), '{"version": 1');
    expect(await store.find('Z-Image-Turbo')).toMatchObject({ verification: 'changed' });
  });
});

describe('finding a model', () => {
  it('takes the id, the name in any case, and a folder', async () => {
    for (const reference of ['Tongyi-MAI/Z-Image-Turbo', 'z-image-turbo', turbo(), `${turbo()}/`]) {
      expect(await store.find(reference)).toMatchObject({ path: turbo(), name: 'Z-Image-Turbo' });
    }
  });

  it('asks for the whole name when two owners have one of the name', async () => {
    await install(join(own, 'somebody/Z-Image-Turbo'));
    expect(await findError('Z-Image-Turbo')).toMatchObject({
      code: 'model_ambiguous',
      details: { candidates: ['Tongyi-MAI/Z-Image-Turbo', 'somebody/Z-Image-Turbo'] },
    });
    expect(await store.find('somebody/Z-Image-Turbo')).toMatchObject({ path: join(own, 'somebody/Z-Image-Turbo') });
  });

  it('names what is installed when nothing answers', async () => {
    const error = await findError('Z-Image-Base');
    expect(error.code).toBe('model_unknown');
    expect(error.message).toContain('installed: demo, Tongyi-MAI/Z-Image-Turbo');
  });

  it('says that a folder is no model', async () => {
    const error = await findError(own);
    expect(error.code).toBe('model_unknown');
    expect(error.message).toContain('no model_index.json');
  });

  it('does not take an installed model for a folder that is meant', async () => {
    expect(await findError('./demo')).toMatchObject({ code: 'model_unknown' });
  });
});

describe('verifying a model', () => {
  it('hashes every file and remembers that all are right', async () => {
    const report = await verify('demo');
    expect(report).toMatchObject({ filesChecked: 3, bytesChecked: Object.values(FILES).join('').length, faults: [] });
    expect(report.model.verification).toBe('verified');
    expect((await store.find('demo')).verifiedAt).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it('writes nothing into the folder of the model', async () => {
    const copy = join(project, 'copy');
    await cp(join(project, 'demo'), copy, { recursive: true, preserveTimestamps: true });
    const before = (await store.find('copy')).sizeBytes;
    await verify('copy');
    expect((await store.find('copy')).sizeBytes).toBe(before);
  });

  it('names each missing, cut, altered and surplus file', async () => {
    await rm(turbo('vae/config.json'));
    await writeFile(turbo('model_index.json'), '{"_class_name":"ZImagePipeline"} ');
    await writeFile(turbo('vae/diffusion_pytorch_model.safetensors'), 'Weights of the vae');
    await writeFile(turbo('vae/extra.safetensors'), 'x');
    const { faults, model } = await verify('Z-Image-Turbo');
    expect(faults).toMatchObject([
      { path: 'model_index.json', fault: 'size', expected: '32 bytes', got: '33 bytes' },
      { path: 'vae/config.json', fault: 'missing' },
      { path: 'vae/diffusion_pytorch_model.safetensors', fault: 'hash' },
      { path: 'vae/extra.safetensors', fault: 'surplus' },
    ]);
    expect(model.verification).toBe('changed');
  });

  it('counts a model as changed once a file has another size or time than at its check', async () => {
    await verify('demo');
    await utimes(join(project, 'demo/vae/config.json'), new Date(0), new Date(0));
    expect((await store.find('demo')).verification).toBe('changed');
    await verify('demo');
    expect((await store.find('demo')).verification).toBe('verified');
  });

  it('needs a manifest and says so', async () => {
    await rm(turbo('imagemill.manifest.json'));
    await expect(verify('Z-Image-Turbo')).rejects.toMatchObject({ code: 'model_unverifiable' });
  });

  it('records a model that was put there by hand, which can then be verified', async () => {
    await rm(turbo('imagemill.manifest.json'));
    const recorded = await createRecordModel({ store })({
      reference: 'Z-Image-Turbo',
      signal: new AbortController().signal,
    });
    expect(recorded.verification).toBe('verified');
    expect((await verify('Z-Image-Turbo')).faults).toEqual([]);
  });

  it('refuses a manifest that points outside of the folder', async () => {
    const entry = { path: '../../secret', sizeBytes: 1, sha256: 'a'.repeat(64) };
    await writeFile(turbo('imagemill.manifest.json'), JSON.stringify({ files: [entry] }));
    await expect(verify('Z-Image-Turbo')).rejects.toMatchObject({ code: 'manifest_damaged' });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort();
    const verifyModel = createVerifyModel({ store });
    await expect(verifyModel({ reference: 'demo', signal: stop.signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('reports the bytes hashed as it goes', async () => {
    const seen: number[] = [];
    await createVerifyModel({ store })({
      reference: 'demo',
      signal: new AbortController().signal,
      onProgress: (done) => seen.push(done),
    });
    expect(seen.at(-1)).toBe(Object.values(FILES).join('').length);
  });
});
