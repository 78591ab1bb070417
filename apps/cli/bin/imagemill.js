#!/usr/bin/env node
// JavaScript that any Node understands, so that one which is too old says so instead of failing on syntax.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `Imagemill needs Node 22.13 or newer, and this is ${process.version}: install a newer one, or on Linux start it with "npx imagemill" in its folder, where npm has put its own.\n`,
  );
  process.exit(1);
}

if (process.features.typescript) {
  await import('../src/main.ts');
} else {
  runWithTypeStripping();
}

/** Node 22.13 to 22.17 strips types only when asked, which takes a process of its own. */
function runWithTypeStripping() {
  const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const flags = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl+C to both processes; passed on, it would count twice, and the second one ends at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGKILL' ? 137 : 1)));
}
