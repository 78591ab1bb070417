import { useTranslation } from 'react-i18next';

/** Tells whether the page has sentences for an error code; a newer server may know more codes. */
export function useKnownFaults(): (code: string) => boolean {
  const { i18n } = useTranslation();
  return (code) => i18n.exists(`errors.${code}.what`);
}
