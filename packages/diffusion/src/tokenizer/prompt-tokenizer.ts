import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { readJsonFile } from '../checkpoint/json-file.ts';
import { DiffusionError } from '../errors.ts';
import { type ChatFrame, readChatFrame } from './chat-template.ts';

export interface EncodeOptions {
  /** Token ids kept; the right end is cut, as the reference does. @default 512 */
  readonly maxTokens?: number;
  /**
   * `escape` reads control tokens in the prompt, such as `<|im_end|>`, as the plain letters they are written with;
   * `parse` lets them act, as the reference does. Equal for prompts without control tokens. @default 'escape'
   */
  readonly controlTokens?: 'escape' | 'parse';
}

export interface EncodedPrompt {
  /** Not padded. */
  readonly ids: readonly number[];
  /** True when the right end was cut. */
  readonly truncated: boolean;
}

export interface PromptTokenizer {
  /**
   * Encodes a prompt within the chat template. Lone surrogates become U+FFFD; nothing is trimmed.
   *
   * @throws DiffusionError `prompt_too_long` above 131,072 bytes of UTF-8
   */
  encode(prompt: string, options?: EncodeOptions): EncodedPrompt;
}

export interface PromptTokenizerOptions {
  /** Rows of the text encoder's embedding; ids beyond are refused at load. */
  readonly vocabularySize?: number;
}

/** Far above 512 tokens; bounds the work of one request (100 kB of words 0.1 s; of one unbroken word, about 1 s). */
const maxPromptBytes = 131_072;

/**
 * Combining marks in a row beyond this are dropped: normalisation takes time in the square of their number (100,000
 * of them 17 s), and no writing has more than a few.
 */
const excessMarks = /(?<=\p{M}{256})\p{M}+/gu;

/**
 * Loads `tokenizer.json` and the chat template of a folder.
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_file_unreadable`, `checkpoint_file_damaged`,
 * `checkpoint_config_invalid`, `checkpoint_unsupported`
 */
export async function loadPromptTokenizer(
  folder: string,
  options: PromptTokenizerOptions = {},
): Promise<PromptTokenizer> {
  const file = join(folder, 'tokenizer.json');
  const definition = await readJsonFile(file, tokenizerSchema);
  checkControlTokens(file, definition.added_tokens);
  checkIds(file, definition, options.vocabularySize);
  const frame = await readChatFrame(folder);
  const encodeWords = createWordEncoder(file, definition);
  const controls = new Map(definition.added_tokens.map(({ content, id }) => [content, id]));
  const split = createSplitter([...controls.keys()]);
  return {
    encode(prompt, { maxTokens = 512, controlTokens = 'escape' } = {}) {
      requirePromptLength(prompt);
      const text = prompt.replace(/\p{Surrogate}/gu, '\uFFFD').replace(excessMarks, '');
      const pieces =
        controlTokens === 'parse' ? split(frame.before + text + frame.after) : splitFrame(frame, text, split);
      const ids: number[] = [];
      for (const piece of pieces) {
        const control = piece.isControl ? controls.get(piece.text) : undefined;
        if (control !== undefined) ids.push(control);
        else encodeWords(piece.text, ids, maxTokens);
        if (ids.length > maxTokens) return { ids: ids.slice(0, maxTokens), truncated: true };
      }
      return { ids, truncated: false };
    },
  };
}

const addedTokenSchema = z.object({
  id: z.int().min(0),
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema).default([]),
  // Loose and not a record: 151,643 entries need no look at each.
  model: z.looseObject({ type: z.literal('BPE'), vocab: z.looseObject({}) }),
});

type TokenizerDefinition = z.output<typeof tokenizerSchema>;

/** Appends the ids of plain text; may stop once `ids` is longer than `maxTokens`. */
type WordEncoder = (text: string, ids: number[], maxTokens: number) => void;

/**
 * Runs the three stages of the tokenizer by themselves. Its own `encode` would first look for control tokens, which
 * plain text must not match; and stopping early keeps a prompt of 100 kB as cheap as its first 512 tokens.
 */
function createWordEncoder(file: string, definition: TokenizerDefinition): WordEncoder {
  const { normalizer, pre_tokenizer: splitWords, model, vocab } = createTokenizer(file, definition);
  return (text, ids, maxTokens) => {
    const normal = normalizer === null ? text : normalizer(text);
    const words = splitWords === null ? [normal] : splitWords(normal);
    for (const word of words) {
      for (const token of model([word])) {
        const id = vocab.get(token);
        if (id !== undefined) ids.push(id);
      }
      if (ids.length > maxTokens) return;
    }
  };
}

interface Stages {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: ((text: string) => string[]) | null;
  readonly model: (words: string[]) => string[];
  readonly vocab: ReadonlyMap<string, number>;
}

function createTokenizer(file: string, definition: TokenizerDefinition): Stages {
  try {
    // Without added tokens they are no words of the model either. The normaliser is told nothing of any configuration:
    // prompts are neither lower-cased nor trimmed.
    const tokenizer = new Tokenizer({ ...definition, added_tokens: [] }, {});
    const { normalizer, pre_tokenizer, model } = tokenizer;
    if (model === null) throw new Error('it has no model');
    if (tokenizer.encode('').ids.length > 0) throw new Error('it adds tokens around every text');
    return { normalizer, pre_tokenizer, model, vocab: model.tokens_to_ids };
  } catch (cause) {
    const message = `${file} cannot be used: ${(cause as Error).message}. Pull the model again.`;
    throw new DiffusionError('checkpoint_file_damaged', message, { details: { file }, cause });
  }
}

interface Piece {
  readonly text: string;
  readonly isControl: boolean;
}

type Splitter = (text: string) => Piece[];

/** Cuts text at control tokens; where several start, the longest counts. */
function createSplitter(contents: readonly string[]): Splitter {
  if (contents.length === 0) return (text) => [{ text, isControl: false }];
  const longestFirst = contents.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${longestFirst.map(escapeForPattern).join('|')})`, 'u');
  return (text) =>
    text
      .split(pattern)
      .map((piece, i) => ({ text: piece, isControl: i % 2 === 1 }))
      .filter((piece) => piece.text !== '');
}

/** Cuts only the frame, so that nothing in the prompt is a control token. */
function splitFrame(frame: ChatFrame, prompt: string, split: Splitter): Piece[] {
  const joined: Piece[] = [];
  for (const piece of [...split(frame.before), { text: prompt, isControl: false }, ...split(frame.after)]) {
    const last = joined.at(-1);
    if (last !== undefined && !last.isControl && !piece.isControl) {
      joined[joined.length - 1] = { text: last.text + piece.text, isControl: false };
    } else joined.push(piece);
  }
  return joined;
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function checkControlTokens(file: string, tokens: TokenizerDefinition['added_tokens']): void {
  const special = tokens.filter((token) => token.single_word || token.lstrip || token.rstrip);
  if (special.length === 0) return;
  const names = special.map(({ content }) => content).join(', ');
  const message = `${file} has added tokens that take in what surrounds them (single_word, lstrip or rstrip): ${names}. Plain ones are expected.`;
  throw new DiffusionError('checkpoint_unsupported', message, { details: { file, tokens: names } });
}

function checkIds(file: string, definition: TokenizerDefinition, vocabularySize = Number.POSITIVE_INFINITY): void {
  let largest = 0;
  for (const id of Object.values(definition.model.vocab)) largest = Math.max(largest, Number(id));
  for (const { id } of definition.added_tokens) largest = Math.max(largest, id);
  if (largest < vocabularySize) return;
  const message = `${file} has token ids up to ${largest}, but the text encoder knows only ${vocabularySize}. Tokenizer and text encoder of one model are expected.`;
  throw new DiffusionError('checkpoint_config_invalid', message, { details: { file, largest, vocabularySize } });
}

function requirePromptLength(prompt: string): void {
  const bytes = Buffer.byteLength(prompt);
  if (bytes <= maxPromptBytes) return;
  const message = `The prompt has ${bytes} bytes; at most ${maxPromptBytes} are accepted.`;
  throw new DiffusionError('prompt_too_long', message, { details: { bytes, limit: maxPromptBytes } });
}
