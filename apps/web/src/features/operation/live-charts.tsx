import type { SystemStatus } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { LineChart } from './line-chart.tsx';
import styles from './live-charts.module.css';
import { mostSamples, useSamples } from './samples.ts';

/** Queue, device use and memory since the page was opened. */
export function LiveCharts({ status }: { readonly status: SystemStatus | undefined }): ReactElement | null {
  const { t } = useTranslation();
  const language = useLanguage();
  const samples = useSamples(status);
  const now = samples.at(-1);
  if (now === undefined) return null;
  const percent = (share: number): string => formatNumber(language, Math.round(share * 100));
  const memory = samples.flatMap((sample) => (sample.memory === undefined ? [] : [sample.memory]));
  return (
    <div className={styles.columns}>
      <LineChart
        title={t('operation.queueNow')}
        words={t('operation.queueWords', { count: now.queued })}
        values={samples.map(({ queued }) => queued)}
        places={mostSamples}
      />
      <LineChart
        title={t('operation.useNow')}
        words={t('operation.useWords', { percent: percent(now.use) })}
        values={samples.map(({ use }) => use)}
        top={1}
        places={mostSamples}
      />
      {now.memory !== undefined && (
        <LineChart
          title={t('operation.memoryNow')}
          words={t('operation.memoryWords', { percent: percent(now.memory) })}
          values={memory}
          top={1}
          places={mostSamples}
        />
      )}
    </div>
  );
}
