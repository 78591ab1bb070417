import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './postgres-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A process as in the container: the file system cannot be written, its user has no name and no home. */
export interface ContainedProcess {
  readonly url: string;
  /** All that it wrote for people. */
  output(): string;
  /** Files in a folder as the process sees it, apart from the checkout. */
  filesIn(folder: string): readonly string[];
  /** Ends it; gives the exit code. */
  stop(): Promise<number | null>;
}

/** Folders that a contained process may write: the volume `/data` of the image, which is here at /mnt, and /tmp. */
export const DATA = '/mnt';

/** Makes all that is mounted read-only, for this process alone; a folder that is writable all the same ends it. */
const CONTAIN = `
set -e
mount --make-rprivate /
case "$PWD" in
  /tmp/*) # The checkout, which the new /tmp would hide.
    mount --rbind "$PWD" ${DATA}
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    mkdir -p "$PWD"
    mount --move ${DATA} "$PWD"
    cd "$PWD" ;;
  *) mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
esac
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs ${DATA}
awk '{print $5}' /proc/self/mountinfo | while read -r place; do
  case "$place" in
    /tmp|${DATA}|/proc*|/sys*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
  esac
done
for folder in / "$PWD" /root /var/tmp /var/lib /opt /run /dev/shm; do
  if touch "$folder/written" 2>/dev/null; then echo "$folder can be written" >&2; exit 99; fi
done
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs -- "$@"
`;

/** Whether this user may do that. Not being allowed is said aloud. */
export function canContain(): boolean {
  const command = ['-m', 'sh', '-c', CONTAIN, 'sh', process.execPath, '--version'];
  const { status, stderr } = spawnSync('unshare', command, { cwd: root, encoding: 'utf8' });
  if (status === 0) return true;
  process.stderr.write(`SKIPPED: a read-only root cannot be made here: ${stderr?.trim()}\n`);
  return false;
}

/** Starts a command of ours and waits until it says that it is ready, on the port that it is given by the variable. */
export async function startContained(
  args: readonly string[],
  { portVariable, ...environment }: Readonly<Record<string, string>> & { readonly portVariable: string },
): Promise<ContainedProcess> {
  const port = await freePort();
  const command = [process.execPath, join(root, 'apps/cli/bin/imagemill.js'), ...args];
  const child = spawn('unshare', ['-m', 'sh', '-c', CONTAIN, 'sh', ...command], {
    cwd: root,
    env: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin:/usr/sbin:/sbin`,
      IMAGEMILL_DATA_DIR: DATA,
      [portVariable]: String(port),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      output += String(piece);
    });
  }
  const url = `http://127.0.0.1:${port}`;
  for (const end = Date.now() + 90_000; ; ) {
    if ((await fetch(`${url}/health/ready`).catch(() => undefined))?.ok) break;
    if (child.exitCode !== null || Date.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`"imagemill ${args.join(' ')}" did not become ready:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    output: () => output,
    filesIn: (folder) => {
      const seen = readdirSync(`/proc/${child.pid}/root${folder}`).sort();
      return seen.filter((name) => !root.startsWith(`${folder}/${name}/`));
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await ended;
  return code;
}
