import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useModels } from '../../shared/api/system.ts';
import { formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { Notice } from '../../shared/ui/notice.tsx';
import styles from './model-table.module.css';

/** The models of the server, which of them are in memory. */
export function ModelTable(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const models = useModels();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('operation.models')}</h3>
      <ul className={styles.models}>
        {models.map(({ name, family, state, nativeWidth, nativeHeight, problem }) => (
          <li key={name} className={styles.model}>
            <span className={styles.words}>
              <strong>{name}</strong> · {family} · {formatNumber(language, nativeWidth)} ×{' '}
              {formatNumber(language, nativeHeight)} · {t(`operation.model.${state}`)}
            </span>
            {problem !== undefined && <Notice notice={problem} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
