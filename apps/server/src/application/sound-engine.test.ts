import { describe, expect, it } from 'vitest';
import type { DrawingEngine, DrawOutcome, EngineItem } from './engine-port.ts';
import type { IncidentBook } from './incidents.ts';
import { createSoundEngine, type SoundEngineOptions } from './sound-engine.ts';

const item = { id: 'job:1', modelPath: '/m', precision: 'packed', width: 64, height: 64, steps: 4 } as EngineItem;
const observer = { step: () => undefined, preview: () => undefined };

const notNumbers: DrawOutcome = {
  kind: 'failed',
  fault: { code: 'picture_invalid', message: 'It holds no numbers.', details: {}, retryable: true },
};

function picture(spread: number): DrawOutcome {
  const measures = { spread, darkShare: 0, lightShare: 0, sharpness: 1, hash: '00' };
  return { kind: 'finished', picture: { measures } } as unknown as DrawOutcome;
}

/** An engine that gives the outcomes one after the other, the last again and again. */
function engineOf(executionProvider: string, ...outcomes: readonly DrawOutcome[]) {
  const asked: EngineItem[] = [];
  const cancelled: string[] = [];
  const engine = {
    status: { executionProvider },
    async draw(one: EngineItem) {
      asked.push(one);
      return outcomes[Math.min(asked.length, outcomes.length) - 1];
    },
    cancel: (id: string) => cancelled.push(id),
  } as unknown as DrawingEngine;
  return { engine, asked, cancelled };
}

function guard(
  engine: DrawingEngine,
  more: Pick<SoundEngineOptions, 'nextProvider'> & { readonly precisions?: readonly string[] } = {},
) {
  const precisions = (more.precisions ?? ['packed']).map((precision) => ({ precision }));
  const entry = { kind: 'usable', facts: { path: '/m', precisions } };
  const told: string[] = [];
  const incidents = { add: ({ message }: { message: string }) => told.push(message) } as unknown as IncidentBook;
  const models = { list: () => [entry] } as unknown as SoundEngineOptions['models'];
  const sound = createSoundEngine({ engine, models, incidents, onDoubt: () => undefined, ...more });
  return { sound, told };
}

const warningsOf = (outcome: DrawOutcome) =>
  outcome.kind === 'finished' ? (outcome.picture.warnings ?? []).map(({ code }) => code) : outcome.kind;

describe('an engine whose pictures hold nothing', () => {
  for (const [what, first] of [
    ['without numbers', notNumbers],
    ['of one colour', picture(0)],
  ] as const) {
    it(`has a picture ${what} drawn by the next execution provider, which draws the model from then on`, async () => {
      const card = engineOf('cuda', first);
      const cpu = engineOf('cpu', picture(40));
      const { sound, told } = guard(card.engine, { nextProvider: async () => cpu.engine });
      expect(warningsOf(await sound.draw(item, observer))).toEqual(['provider_changed']);
      expect(told).toEqual([expect.stringContaining('execution provider cuda')]);
      expect(warningsOf(await sound.draw({ ...item, id: 'job:2' }, observer))).toEqual(['provider_changed']);
      expect([card.asked.length, cpu.asked.length]).toEqual([1, 2]);
      expect(told).toHaveLength(1);
    });
  }

  it('tries the other precision of the card first, and the next provider when that gives no numbers either', async () => {
    const card = engineOf('cuda', notNumbers);
    const cpu = engineOf('cpu', picture(40));
    const { sound } = guard(card.engine, { precisions: ['packed', 'w8a8'], nextProvider: async () => cpu.engine });
    expect(warningsOf(await sound.draw({ ...item, precision: 'w8a8' }, observer))).toEqual(['provider_changed']);
    expect(card.asked.map(({ precision }) => precision)).toEqual(['w8a8', 'packed']);
  });

  it('needs no other provider where another precision is sound', async () => {
    const card = engineOf('cuda', notNumbers, picture(40));
    const nextProvider = () => Promise.reject(new Error('not asked for'));
    const { sound } = guard(card.engine, { precisions: ['packed', 'w8a8'], nextProvider });
    expect(warningsOf(await sound.draw(item, observer))).toEqual(['precision_changed']);
  });

  it('is believed when the next provider draws one colour too, and asked again the next time', async () => {
    const blank = picture(0);
    const card = engineOf('cuda', blank);
    const cpu = engineOf('cpu', picture(0));
    const { sound, told } = guard(card.engine, { nextProvider: async () => cpu.engine });
    expect(await sound.draw(item, observer)).toBe(blank);
    await sound.draw(item, observer);
    expect(card.asked).toHaveLength(2);
    expect(told).toEqual([]);
  });

  it('gives its outcome as it is where there is no other provider', async () => {
    const { sound } = guard(engineOf('cpu', notNumbers).engine, { nextProvider: async () => undefined });
    expect(await sound.draw(item, observer)).toBe(notNumbers);
  });

  it('passes a cancellation on to whoever draws', async () => {
    const card = engineOf('cuda', notNumbers);
    const cpu = engineOf('cpu', picture(40));
    const { sound } = guard(card.engine, { nextProvider: async () => cpu.engine });
    await sound.draw(item, observer);
    const drawing = sound.draw(item, observer);
    sound.cancel(item.id);
    await drawing;
    expect([card.cancelled, cpu.cancelled]).toEqual([[], ['job:1']]);
  });
});
