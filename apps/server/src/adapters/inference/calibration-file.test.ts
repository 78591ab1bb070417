import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CalibrationKey, openCalibrationFile } from './calibration-file.ts';

const key: CalibrationKey = {
  ...{ device: 'cpu', executionProvider: 'cpu', model: '/models/demo', precision: 'packed', threads: 2 },
  ...{ processor: 'some', onnxruntime: '1.30.0' },
};
const limits = [{ width: 64, height: 64, tokens: 16, maxRows: 2, timings: [{ rows: 1, msPerStep: 1.5 }] }];

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imagemill-calibration-'));
  file = join(folder, 'cache', 'calibration.json');
});
afterEach(() => rm(folder, { recursive: true }));

describe('the file of measured batch limits', () => {
  test('has them again after a restart, for exactly what they were measured with', async () => {
    await (await openCalibrationFile(file)).keep(key, limits);
    const again = await openCalibrationFile(file);
    expect(again.find(key)).toEqual(limits);
    for (const name of Object.keys(key)) {
      expect(again.find({ ...key, [name]: name === 'threads' ? 3 : 'other' })).toBeUndefined();
    }
    expect(await readdir(join(folder, 'cache'))).toEqual(['calibration.json']);
  });

  test('keeps what another process has written since it was opened', async () => {
    const first = await openCalibrationFile(file);
    await (await openCalibrationFile(file)).keep({ ...key, precision: 'w8a8' }, limits);
    await first.keep(key, []);
    const again = await openCalibrationFile(file);
    expect(again.find({ ...key, precision: 'w8a8' })).toEqual(limits);
    expect(again.find(key)).toEqual([]);
  });

  test.each(['', '{', '[]', '{"version":2,"entries":[]}', '{"version":1,"entries":[{"key":{}}]}'])(
    'counts as empty when it holds %j',
    async (text) => {
      file = join(folder, 'calibration.json');
      await writeFile(file, text);
      expect((await openCalibrationFile(file)).find(key)).toBeUndefined();
    },
  );
});
