import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsV4Signer } from 'aws4fetch';

/** A real S3 service (SeaweedFS) on the loopback interface, which checks signatures, rights and clocks. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  /** May do everything. */
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** May read and list only. */
  readonly readerKey: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Its filer, which `replicateBucket` follows: host, port and the port of gRPC. */
  readonly filer: string;
  /** A request of our own, past the code under test. */
  send(method: string, path: string, body?: Uint8Array): Promise<Response>;
}

/** Whether the service is installed. Missing is said aloud, and a failure in CI. */
export function hasS3Server(): boolean {
  const isThere = spawnSync('weed', ['version']).status === 0;
  if (isThere) return true;
  if (process.env['CI'] === 'true')
    throw new Error('weed (SeaweedFS) is missing; run scripts/install-test-services.sh');
  process.stderr.write('SKIPPED: weed (SeaweedFS) is not installed; run scripts/install-test-services.sh\n');
  return false;
}

export async function startS3Server(bucket = 'pictures'): Promise<S3Server> {
  // A port that was free may be another's a moment later, and the service needs eight.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnFreePorts(bucket);
    } catch (error) {
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnFreePorts(bucket: string): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-s3-'));
  const ports = await freePorts(8);
  const [master, masterRpc, volume, volumeRpc, filer, filerRpc, s3, s3Rpc] = ports.map(String);
  const config = join(folder, 's3.json');
  await writeFile(config, JSON.stringify({ identities: identities(bucket) }));
  const args = [
    ...['-logtostderr=true', 'server', `-dir=${folder}`, '-ip=127.0.0.1', '-ip.bind=127.0.0.1'],
    ...[`-master.port=${master}`, `-master.port.grpc=${masterRpc}`, '-master.telemetry=false'],
    ...['-master.volumeSizeLimitMB=64', '-volume.max=0', `-volume.port=${volume}`, `-volume.port.grpc=${volumeRpc}`],
    ...['-filer', `-filer.port=${filer}`, `-filer.port.grpc=${filerRpc}`, `-filer.localSocket=${folder}/filer.sock`],
    ...['-s3', `-s3.port=${s3}`, `-s3.port.grpc=${s3Rpc}`, '-s3.port.iceberg=0', '-s3.port.lance=0'],
    ...[`-s3.config=${config}`, '-s3.autoCreateBucket=false', `-s3.localSocket=${folder}/s3.sock`],
  ];
  const child = spawn('weed', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log = (log + String(chunk)).slice(-20_000);
  });
  const endpoint = `http://127.0.0.1:${s3}`;
  const server: S3Server = {
    ...{ endpoint, bucket, key: ADMIN, readerKey: READER, filer: `127.0.0.1:${filer}.${filerRpc}` },
    send: (method, path, body) => signedFetch(`${endpoint}${path}`, method, body),
    [Symbol.asyncDispose]: () => stop(child, folder),
  };
  try {
    await untilBucketIsThere(server, child);
  } catch (error) {
    await stop(child, folder);
    throw new Error(`the S3 service did not start:\n${log}`, { cause: error });
  }
  return server;
}

/** Has one server follow the other, one way, by SeaweedFS's own replication. */
export async function replicateBucket(from: S3Server, to: S3Server): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-s3-sync-'));
  const paths = ['a', 'b'].map((side) => `-${side}.path=/buckets/${from.bucket}`);
  const args = ['-logtostderr=true', 'filer.sync', `-a=${from.filer}`, `-b=${to.filer}`, '-isActivePassive', ...paths];
  const child = spawn('weed', args, { cwd: folder, stdio: 'ignore' });
  return { [Symbol.asyncDispose]: () => stop(child, folder) };
}

async function untilBucketIsThere(server: S3Server, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (child.exitCode !== null) break;
    const made = await server.send('PUT', `/${server.bucket}`).catch(() => undefined);
    // The filer may answer before there is a volume to write to.
    const isMade = made !== undefined && (made.ok || made.status === 409);
    if (isMade && (await server.send('PUT', `/${server.bucket}/ready`, new Uint8Array(8))).ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no bucket within the time');
}

async function signedFetch(url: string, method: string, body?: Uint8Array): Promise<Response> {
  const signer = new AwsV4Signer({ ...ADMIN, region: 'us-east-1', service: 's3', method, url });
  const { headers } = await signer.sign();
  const payload = (body ?? null) as Uint8Array<ArrayBuffer> | null;
  return fetch(url, { method, headers, body: payload, signal: AbortSignal.timeout(10_000) });
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}

function identities(bucket: string) {
  const [admin, reader] = [ADMIN, READER].map(({ accessKeyId, secretAccessKey }) => [
    { accessKey: accessKeyId, secretKey: secretAccessKey },
  ]);
  return [
    { name: 'mill', credentials: admin, actions: ['Admin'] },
    { name: 'reader', credentials: reader, actions: [`Read:${bucket}`, `List:${bucket}`] },
  ];
}

const ADMIN = { accessKeyId: 'mill-access', secretAccessKey: 'mill-secret-of-the-test' };
const READER = { accessKeyId: 'reader-access', secretAccessKey: 'reader-secret-of-the-test' };
