/**
 * What the quality gate costs a picture: measuring the raw pixels in the engine process (the target is 15 ms for
 * 1024²), and the decision with its comparison to the latest pictures.
 *
 *     node benchmarks/quality-gate.ts [--rounds 40]
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { measurePicture } from '../apps/server/src/adapters/inference/measure-picture.ts';
import { judge } from '../apps/server/src/domain/quality/judge.ts';
import { defaultQualityPolicy } from '../apps/server/src/domain/quality/policy.ts';
import { spread } from './statistics.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' } } });
const rounds = Number(values.rounds);

console.log(`${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds`);
for (const side of [256, 512, 1024, 2048]) {
  const pixels = { width: side, height: side, data: picture(side) };
  const times = Array.from({ length: rounds + 5 }, () => cpuMs(() => measurePicture(pixels))).slice(5);
  console.log(`measure ${side}²: ${spread(times)} ms of processor time`);
}
const measures = measurePicture({ width: 256, height: 256, data: picture(256) });
const others = Array.from({ length: 256 }, (_, at) => ({
  hash: ((BigInt(at) * 0x9e37_79b9_7f4a_7c15n) & 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0'),
  intent: String(at),
}));
const decide = () => {
  for (let at = 0; at < 100; at++) {
    judge({ measures, policy: defaultQualityPolicy, normal: undefined, redraws: 0, intent: 'own', others });
  }
};
const decisions = Array.from({ length: rounds + 5 }, () => cpuMs(decide) / 100).slice(5);
console.log(`decide, beside 256 pictures: ${spread(decisions, 3)} ms of processor time`);

/** A photo-like picture: smooth parts, edges and grain. */
function picture(side: number): Uint8Array {
  const data = new Uint8Array(3 * side * side);
  for (let at = 0; at < side * side; at++) {
    const [x, y] = [at % side, Math.floor(at / side)];
    const edge = (x * 7) % side < y ? 60 : 0;
    for (let channel = 0; channel < 3; channel++) {
      const grain = ((at * 1_103_515_245 + channel * 12_345) >>> 16) % 17;
      data[3 * at + channel] = 90 + edge + 50 * Math.sin((x + channel * 9) / 37) * Math.cos(y / 53) + grain;
    }
  }
  return data;
}

function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
