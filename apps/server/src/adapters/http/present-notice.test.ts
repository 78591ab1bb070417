import { errorCodes, noticeCodes } from '@imagemill/api';
import { diffusionErrorCodes, loraWarningCodes } from '@imagemill/diffusion';
import { deviceNoteCodes } from '@imagemill/diffusion/onnxruntime';
import { expect, test } from 'vitest';
import { modelErrorCodes } from '../../application/model-errors.ts';
import { presentNotice } from './present-notice.ts';

test('all that the engine and the library of models say has a code that the API knows', () => {
  const said = [diffusionErrorCodes, modelErrorCodes].flatMap((codes) => Object.keys(codes));
  const known: readonly string[] = [...noticeCodes, ...Object.keys(errorCodes), ...ofPictures];
  expect([...said, ...deviceNoteCodes, ...loraWarningCodes].filter((code) => !known.includes(code))).toEqual([]);
});

/** What goes wrong with one picture is an error of its job, and no notice. */
const ofPictures = ['prompt_too_long', 'size_invalid', 'picture_invalid'];

test('names and numbers of a notice are told, lists of names as one text, and nothing deeper', () => {
  const details = { file: 'a.safetensors', count: 12, keys: ['one', 'two'], expected: { shape: [1] }, missing: null };
  expect(presentNotice({ code: 'lora_invalid', message: 'It is damaged.', details })).toEqual({
    code: 'lora_invalid',
    message: 'It is damaged.',
    details: { file: 'a.safetensors', count: 12, keys: 'one, two' },
  });
  expect(presentNotice({ code: 'out_of_memory', message: 'Full.', details: {} })).toEqual({
    code: 'out_of_memory',
    message: 'Full.',
  });
});
