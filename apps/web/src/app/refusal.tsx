import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useWhoami } from '../shared/api/session.ts';
import { goTo, type PageName, pageRights } from '../shared/navigation/pages.ts';
import styles from './refusal.module.css';

/** Stands in place of a page that the reader has no right to, and says so. */
export function Refusal({ page }: { readonly page: PageName }): ReactElement | null {
  const { t } = useTranslation();
  const { data: caller } = useWhoami();
  if (caller === undefined) return null;
  const facts = { name: caller.name, role: t(`roles.${caller.role}`), permissions: pageRights[page].join(', ') };
  return (
    <section className={styles.refusal} role="alert">
      <h2 className={styles.title}>{t('rights.notForYou')}</h2>
      <p>{t('rights.why', facts)}</p>
      <p>{t('rights.next')}</p>
      {page !== 'generate' && <Button onClick={() => goTo('generate')}>{t('rights.back')}</Button>}
    </section>
  );
}
