import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatDuration } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './latency.module.css';
import type { PhaseTimes } from './measure.ts';
import { PhaseBars, PhaseSwatch } from './phase-bars.tsx';

/** Where the time of the newest pictures went. */
export function Latency({ phases }: { readonly phases: readonly PhaseTimes[] }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('operation.latency')}</h3>
      {phases.length === 0 ? (
        <p className={styles.empty}>{t('operation.nothingMeasured')}</p>
      ) : (
        <>
          <PhaseBars phases={phases} />
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('operation.phase')}</th>
                <th scope="col">{t('operation.median')}</th>
                <th scope="col">{t('operation.high')}</th>
              </tr>
            </thead>
            <tbody>
              {phases.map(({ phase, medianMs, highMs }, index) => (
                <tr key={phase}>
                  <th scope="row">
                    {phase !== 'totalMs' && <PhaseSwatch index={index} />}
                    {t(`operation.phases.${phase}`)}
                  </th>
                  <td>{formatDuration(language, medianMs)}</td>
                  <td>{formatDuration(language, highMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}
