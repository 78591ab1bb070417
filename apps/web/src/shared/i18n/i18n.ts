import i18next, { type i18n as I18n } from 'i18next';
import { initReactI18next } from 'react-i18next';
import { readStored, writeStored } from '../storage.ts';
import { en } from './en.ts';
import { errorsEn } from './errors-en.ts';
import { errorsZhCn } from './errors-zh-cn.ts';
import { detectLanguage, type Language, languageStorageKey, languages } from './language.ts';
import { zhCn } from './zh-cn.ts';

export const messages = {
  en: { ...en, errors: errorsEn },
  'zh-CN': { ...zhCn, errors: errorsZhCn },
} as const satisfies Readonly<Record<Language, unknown>>;

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: (typeof messages)['en'] };
  }
}

/** Starts i18next in the reader's language and keeps `<html lang>` in step with it. */
export function startI18n(): I18n {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language;
  });
  void i18next.use(initReactI18next).init({
    lng: detectLanguage(readStored(languageStorageKey), navigator.languages),
    supportedLngs: [...languages],
    resources: { en: { translation: messages.en }, 'zh-CN': { translation: messages['zh-CN'] } },
    initAsync: false,
    // React escapes what it renders.
    interpolation: { escapeValue: false },
  });
  return i18next;
}

/** Switches the page to a language and remembers the choice. */
export async function chooseLanguage(language: Language): Promise<void> {
  writeStored(languageStorageKey, language);
  await i18next.changeLanguage(language);
}
