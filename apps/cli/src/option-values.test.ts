import { describe, expect, it } from 'vitest';
import { decimalNumber, deviceName, httpAddress, oneOf, wholeNumber } from './option-values.ts';

describe('values of options', () => {
  it('are whole numbers within their range', () => {
    const steps = wholeNumber('--steps', 1, 100);
    expect(['1', '8', '100', '+7', '007'].map(steps)).toEqual([1, 8, 100, 7, 7]);
    for (const text of [
      '0',
      '101',
      '-1',
      '1.5',
      '1e2',
      '0x10',
      'abc',
      '',
      ' ',
      'NaN',
      'Infinity',
      '9007199254740993',
      '८',
    ]) {
      expect(() => steps(text)).toThrow(`--steps: got ${JSON.stringify(text)}, expected a whole number from 1 to 100.`);
    }
  });

  it('are decimal numbers within their range', () => {
    const guidance = decimalNumber('--guidance', 0, 30);
    expect(['0', '1.5', '30', '.5', '1e1'].map(guidance)).toEqual([0, 1.5, 30, 0.5, 10]);
    for (const text of ['-0.1', '30.01', 'NaN', 'Infinity', '', 'x'])
      expect(() => guidance(text)).toThrow('expected a number from 0 to 30');
  });

  it('are one of the choices, which the error lists', () => {
    expect(oneOf('--format', ['png', 'jpeg', 'webp'])('webp')).toBe('webp');
    expect(() => oneOf('--format', ['png', 'jpeg', 'webp'])('gif')).toThrow(
      '--format: got "gif", expected png, jpeg or webp.',
    );
  });

  it('are devices that the engine knows by name', () => {
    for (const device of ['cpu', 'webgpu', 'cuda', 'cuda:0', 'cuda:12', 'fixed:250'])
      expect(deviceName('--device')(device)).toBe(device);
    for (const device of ['gpu', 'CPU', 'cuda:', 'cuda:x', 'fixed', ''])
      expect(() => deviceName('--device')(device)).toThrow('--device');
  });

  it('are http addresses', () => {
    expect(httpAddress('--endpoint')('https://hf-mirror.com')).toBe('https://hf-mirror.com');
    for (const text of ['hf-mirror.com', 'ftp://x', 'file:///x'])
      expect(() => httpAddress('--endpoint')(text)).toThrow('an http or https address');
  });

  it('carry option, value and expectation for programs, and the usage status', () => {
    let error: unknown;
    try {
      wholeNumber('--seed', 0, 9)('x'.repeat(200));
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      code: 'option_invalid',
      exitCode: 2,
      details: { option: '--seed', expected: 'a whole number from 0 to 9' },
    });
    expect((error as Error).message.length).toBeLessThan(200);
  });
});
