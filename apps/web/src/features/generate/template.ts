/** A prompt with fields: `{{prompt}}` is what the reader writes, every other name in double braces is filled in. */
export interface DraftTemplate {
  readonly name: string;
  readonly prompt: string;
  readonly negativePrompt: string;
}

interface Written {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly isNegativePromptShown: boolean;
  readonly template?: DraftTemplate | undefined;
  /** What stands in the fields, by their names. */
  readonly values: Readonly<Record<string, string>>;
}

const places = /\{\{\s*([^{}|]+?)\s*\}\}/g;
const own = 'prompt';

/** Names of the fields, in the order of the text; fields may stand in what the reader wrote, too. */
export function fieldsOf(written: Written): readonly string[] {
  const names = [...withPrompt(written).matchAll(places)].map((match) => match[1] ?? '');
  return [...new Set(names)].filter((name) => name !== own);
}

/** Whether the reader has to write something beside the fields. */
export function needsPrompt({ template }: Pick<Written, 'template'>): boolean {
  if (template === undefined) return true;
  return [...template.prompt.matchAll(places)].some((match) => match[1] === own);
}

/** Fields that nothing stands in yet. */
export function emptyFieldsOf(written: Written): readonly string[] {
  return fieldsOf(written).filter((name) => (written.values[name] ?? '').trim() === '');
}

/** The prompt that is drawn. A value is not looked at again, so a brace in it is a brace. */
export function filledPrompt(written: Written): string {
  return withPrompt(written).replace(places, (whole, name: string) => written.values[name]?.trim() ?? whole);
}

/** That of the template, and what the reader adds to it. */
export function filledNegativePrompt({ template, negativePrompt, isNegativePromptShown }: Written): string {
  const parts = [template?.negativePrompt ?? '', isNegativePromptShown ? negativePrompt : ''];
  return parts.filter((part) => part.trim() !== '').join(', ');
}

function withPrompt({ template, prompt }: Pick<Written, 'template' | 'prompt'>): string {
  if (template === undefined) return prompt;
  return template.prompt.replace(places, (whole, name: string) => (name === own ? prompt.trim() : whole));
}
