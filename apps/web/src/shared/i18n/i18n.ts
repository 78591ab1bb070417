import i18next, { type i18n as I18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { formatNumber } from '../format/format.ts';
import { readStored, writeStored } from '../storage.ts';
import { detectLanguage, type Language, languageStorageKey, languages } from './language.ts';
import type { messagesEn } from './messages-en.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof messagesEn };
  }
}

/** Only the language that is spoken is fetched. */
const loaders = {
  en: async () => (await import('./messages-en.ts')).messagesEn,
  'zh-CN': async () => (await import('./messages-zh-cn.ts')).messagesZhCn,
} as const satisfies Readonly<Record<Language, () => Promise<unknown>>>;

/** Starts i18next in the reader's language and keeps `<html lang>` in step with it. */
export async function startI18n(): Promise<I18n> {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language;
  });
  const language = detectLanguage(readStored(languageStorageKey), navigator.languages);
  await i18next.use(initReactI18next).init({
    lng: language,
    supportedLngs: [...languages],
    resources: { [language]: { translation: await loaders[language]() } },
    initAsync: false,
    // React escapes what it renders.
    interpolation: { escapeValue: false },
  });
  // Numbers within sentences as beside them: in the manner of the reader.
  i18next.services.formatter?.add('number', (value: number, lng = language) => formatNumber(lng, value));
  return i18next;
}

/**
 * Switches the page to a language and remembers the choice.
 *
 * @throws TypeError when the server does not hand the language out
 */
export async function chooseLanguage(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await loaders[language]());
  }
  writeStored(languageStorageKey, language);
  await i18next.changeLanguage(language);
}
