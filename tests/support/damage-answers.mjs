/**
 * Damages a share of what engine processes say on its way to the server; to be imported before it
 * (`--import damage-answers.mjs?share=0.05&seed=1`).
 */
import { ChildProcess } from 'node:child_process';

const query = new URL(import.meta.url).searchParams;
const share = Number(query.get('share'));
let state = Number(query.get('seed'));
const emit = ChildProcess.prototype.emit;

const damages = [
  (event) => ({ ...event, image: event.image.subarray(0, event.image.length / 2) }),
  (event) => ({ ...event, image: event.image.map((byte, at) => (at === 100 ? byte ^ 1 : byte)) }),
  (event) => ({ ...event, image: undefined }),
  (event) => ({ ...event, seed: event.seed + 1 }),
  (event) => ({ ...event, type: 'finishd' }),
  () => 'rubbish',
];

ChildProcess.prototype.emit = function emitDamaged(name, ...args) {
  if (name !== 'message' || args[0]?.type !== 'finished' || random() >= share) return emit.call(this, name, ...args);
  const damage = damages[Math.floor(random() * damages.length)];
  return emit.call(this, name, damage(args[0]), ...args.slice(1));
};

function random() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}
