import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCodes, noticeCodes } from '@imagemill/api';
import { NOT_A_PROBLEM, UNREACHABLE } from '@imagemill/api/client';
import { describe, expect, test } from 'vitest';
import type { Language } from './language.ts';
import { messagesEn } from './messages-en.ts';
import { messagesZhCn } from './messages-zh-cn.ts';

const messages = { en: messagesEn, 'zh-CN': messagesZhCn } as const;

type Tree = { readonly [key: string]: string | Tree };

/** Every message of a language by its path, e.g. `compose.prompt`. */
function flatten(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value);
    else for (const [path, text] of flatten(value, `${prefix}${key}.`)) found.set(path, text);
  }
  return found;
}

const pluralSuffix = /_(zero|one|two|few|many|other)$/;
const all = { en: flatten(messages.en), 'zh-CN': flatten(messages['zh-CN']) };

function keysWithoutPlural(language: Language): string[] {
  return [...new Set([...all[language].keys()].map((key) => key.replace(pluralSuffix, '')))].sort();
}

function variablesOf(language: Language, key: string): string[] {
  const texts = [...all[language]].filter(([path]) => path.replace(pluralSuffix, '') === key).map(([, text]) => text);
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1]!)))].sort();
}

/** Of `DiffusionError`, as jobs end with them. */
const engineCodes = [
  'out_of_memory',
  'picture_invalid',
  'device_failed',
  'device_unavailable',
  'model_too_large',
  'prompt_too_long',
];

describe('messages', () => {
  test('English and Chinese have the same keys, none missing and none surplus', () => {
    expect(keysWithoutPlural('zh-CN')).toEqual(keysWithoutPlural('en'));
  });

  test.each(['en', 'zh-CN'] as const)('a counted message has every plural form of %s and no other', (language) => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    const counted = [...all[language].keys()].filter((key) => pluralSuffix.test(key));
    const stems = [...new Set(counted.map((key) => key.replace(pluralSuffix, '')))];
    expect(counted.sort()).toEqual(stems.flatMap((stem) => forms.map((form) => `${stem}_${form}`)).sort());
  });

  test('both languages count the same messages', () => {
    const counted = (language: Language): string[] =>
      [...all[language].keys()].filter((key) => key.endsWith('_other')).sort();
    expect(counted('zh-CN')).toEqual(counted('en'));
  });

  test('a message names the same variables in both languages', () => {
    for (const key of keysWithoutPlural('en')) {
      expect({ key, variables: variablesOf('zh-CN', key) }).toEqual({ key, variables: variablesOf('en', key) });
    }
  });

  test.each(['en', 'zh-CN'] as const)('no message of %s is empty', (language) => {
    for (const [key, text] of all[language])
      expect({ key, isEmpty: text.trim() === '' }).toEqual({ key, isEmpty: false });
  });

  test('every message is used', () => {
    const source = fileURLToPath(new URL('../..', import.meta.url));
    const components = globSync('**/*.{ts,tsx}', { cwd: source })
      .filter((path) => !path.startsWith('shared/i18n/'))
      .map((path) => readFileSync(source + path, 'utf8'))
      .join('\n');
    // Their keys are put together from codes and field names of the API.
    const isComposed = (key: string): boolean =>
      /^(errors|warnings|serverWords|notices\.(whole|short)|fields|fieldErrors|roles|administration\.(quotas|roleHelp|groups|keyStates|tenants|members|keys|usage|audit|settings|sources)|signIn\.problems|bulks\.(state|rowFaults)|operation\.(phases|engine|model|parts|activity|activityState|fileFault)|alerts\.(signals|kinds|phases|severities|comparisons|languages)|review\.checks)\.|^review\.(accept|reject|redraw)$|^announce\.(succeeded|failed|cancelled)$/.test(
        key,
      );
    const unused = keysWithoutPlural('en').filter((key) => !isComposed(key) && !components.includes(`'${key}'`));
    expect(unused).toEqual([]);
  });

  test('every code of a notice has its sentence, and no other has one', () => {
    const { whole, short } = messages.en.notices;
    const withSentence = [...Object.keys(whole), ...Object.keys(short)].map((key) => key.replace(pluralSuffix, ''));
    expect([...new Set(withSentence)].sort()).toEqual([...noticeCodes].sort());
  });

  test('every error code of the API, of the engine and of the client has its sentences', () => {
    const expected = [...Object.keys(errorCodes), ...engineCodes, UNREACHABLE, NOT_A_PROBLEM].sort();
    expect(Object.keys(messages.en.errors).sort()).toEqual(expected);
  });
});
