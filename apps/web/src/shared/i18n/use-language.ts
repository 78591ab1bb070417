import { useTranslation } from 'react-i18next';
import { type Language, languages } from './language.ts';

/** The language the page is in now. */
export function useLanguage(): Language {
  const { i18n } = useTranslation();
  return languages.find((language) => language === i18n.language) ?? 'en';
}
