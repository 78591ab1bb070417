/** Draws the pictures of the README (docs/images) with the demo model: run it again when the model has changed. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SEED = 11;
const samples: Readonly<Record<string, string>> = {
  fox: 'a fox on a green background',
  rocket: 'a rocket on a purple background',
  coffee: 'a cup of coffee on an orange background',
  guitar: 'a guitar on a yellow background',
  strawberry: 'a strawberry on a white background',
  panda: 'a panda on a red background',
  cat: '一只猫，黄色背景',
  car: '一辆红色的汽车，灰色背景',
};

const bin = fileURLToPath(new URL('../apps/cli/bin/imagemill.js', import.meta.url));
for (const [name, prompt] of Object.entries(samples)) {
  const out = fileURLToPath(new URL(`../docs/images/${name}.webp`, import.meta.url));
  rmSync(out, { force: true });
  const args = ['generate', prompt, '--model', 'demo', '--seed', String(SEED), '--out', out, '--quality', '90'];
  const { status } = spawnSync(process.execPath, [bin, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
