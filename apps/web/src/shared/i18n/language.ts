export const languages = ['zh-CN', 'en'] as const;
export type Language = (typeof languages)[number];

/** Each language in its own words, for the switch. */
export const languageNames: Readonly<Record<Language, string>> = { 'zh-CN': '中文', en: 'English' };

export const languageStorageKey = 'imagemill.language';

/**
 * The language to start in: the one chosen before, else the first of the browser's list that the page speaks, else
 * English. Every kind of Chinese is served the simplified one.
 */
export function detectLanguage(chosenBefore: string | null, browserLanguages: readonly string[]): Language {
  const chosen = languages.find((language) => language === chosenBefore);
  if (chosen !== undefined) return chosen;
  for (const tag of browserLanguages) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}
