import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { readJsonFile, readText } from '../checkpoint/json-file.ts';
import { DiffusionError } from '../errors.ts';

/** The text that stands around a prompt when it is one user message to which the model shall answer. */
export interface ChatFrame {
  readonly before: string;
  readonly after: string;
}

/**
 * Renders the chat template of a tokenizer folder (`chat_template.jinja`, else `chat_template` of
 * `tokenizer_config.json`, else the frame of Qwen) once, with `add_generation_prompt` and `enable_thinking` true. A
 * mark stands for the prompt, so prompts are never seen by the template and cannot reach its language.
 *
 * @throws DiffusionError `checkpoint_unsupported` when the template changes, repeats or drops the message's text;
 * `checkpoint_file_damaged` when it cannot be rendered; `checkpoint_config_invalid`
 */
export async function readChatFrame(folder: string): Promise<ChatFrame> {
  const config = await readTokenizerConfig(folder);
  const { text, file } = await findTemplate(folder, config);
  if (text === undefined) return qwenFrame;
  const messages = [{ role: 'user', content: promptMark }];
  const rendered = render(text, file, { ...specialTokens(config), messages, ...renderOptions });
  const [before, after, ...more] = rendered.split(promptMark);
  if (before !== undefined && after !== undefined && more.length === 0) return { before, after };
  const message = `The chat template of ${file} does not show a message's text once and unchanged, so prompts cannot be encoded as its model expects.`;
  throw new DiffusionError('checkpoint_unsupported', message, { details: { file, rendered } });
}

const qwenFrame: ChatFrame = {
  before: '<|im_start|>user\n',
  after: '<|im_end|>\n<|im_start|>assistant\n',
};

const renderOptions = { add_generation_prompt: true, enable_thinking: true };

/** White space at both ends shows whether a template trims; the letters are of a private plane. */
const promptMark = ' \n\u{F0001}prompt\u{F0002}\n ';

const namedTemplate = z.object({ name: z.string(), template: z.string() });
const token = z.union([z.string(), z.object({ content: z.string() })]).nullish();

const configSchema = z.object({
  chat_template: z.union([z.string(), z.array(namedTemplate)]).nullish(),
  bos_token: token,
  eos_token: token,
  pad_token: token,
  unk_token: token,
});

type TokenizerConfig = z.output<typeof configSchema>;

async function readTokenizerConfig(folder: string): Promise<TokenizerConfig> {
  const file = join(folder, 'tokenizer_config.json');
  return (await exists(file)) ? await readJsonFile(file, configSchema) : {};
}

async function findTemplate(folder: string, config: TokenizerConfig): Promise<{ text?: string; file: string }> {
  const own = join(folder, 'chat_template.jinja');
  if (await exists(own)) return { text: await readText(own), file: own };
  const file = join(folder, 'tokenizer_config.json');
  const { chat_template: template } = config;
  if (typeof template === 'string') return { text: template, file };
  const named = template?.find(({ name }) => name === 'default') ?? template?.[0];
  return named === undefined ? { file } : { text: named.template, file };
}

function render(template: string, file: string, values: Record<string, unknown>): string {
  try {
    return new Template(template).render(values);
  } catch (cause) {
    const message = `The chat template of ${file} cannot be rendered: ${(cause as Error).message}. Pull the model again.`;
    throw new DiffusionError('checkpoint_file_damaged', message, { details: { file }, cause });
  }
}

function specialTokens(config: TokenizerConfig): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const) {
    const value = config[key];
    if (value) found[key] = typeof value === 'string' ? value : value.content;
  }
  return found;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}
