import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { freePort } from './postgres-server.ts';

/** A DNS server of the tests for the zone `example.test`, which takes updates that its key signs. */
export interface DnsTestServer {
  readonly port: number;
  readonly key: { readonly name: string; readonly secret: string };
  /** What it answers now. */
  readonly resolver: Resolver;
  remove(): Promise<void>;
}

const isHere = spawnSync('knotd', ['--version']).status === 0;

/** Tests that need Knot: skipped aloud where it is not installed, and failing there when CI=true. */
export function describeWithDns(name: string, tests: () => void): void {
  const isSkipped = !isHere && process.env['CI'] !== 'true';
  if (isSkipped) process.stderr.write(`skipped: ${name} (Knot is not installed: apt-get install knot)\n`);
  describe.skipIf(isSkipped)(name, tests);
}

/** `mill.example.test` is 127.0.0.1 at first. */
export async function startDnsServer(): Promise<DnsTestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'imagemill-dns-'));
  const port = await freePort();
  const key = { name: 'mill-key', secret: randomBytes(32).toString('base64') };
  await writeFile(join(folder, 'zone'), ZONE);
  await writeFile(join(folder, 'knot.conf'), configuration(folder, port, key));
  const child = spawn('knotd', ['-c', join(folder, 'knot.conf')], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  for (let tries = 0; ; tries++) {
    try {
      await resolver.resolve4('mill.example.test');
      break;
    } catch (error) {
      if (tries === 200 || child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    port,
    key,
    resolver,
    async remove() {
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const ZONE = `$ORIGIN example.test.
$TTL 5
@ SOA ns admin 1 60 60 60 5
@ NS ns
ns A 127.0.0.1
mill A 127.0.0.1
`;

function configuration(folder: string, port: number, { name, secret }: DnsTestServer['key']): string {
  return `server:
  listen: 127.0.0.1@${port}
  rundir: ${folder}
database:
  storage: ${folder}
key:
  - id: ${name}
    algorithm: hmac-sha256
    secret: ${secret}
acl:
  - id: updates
    key: ${name}
    action: update
zone:
  - domain: example.test
    file: ${folder}/zone
    acl: updates
`;
}
