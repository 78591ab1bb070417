import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { minutesShown } from './measure.ts';
import styles from './throughput.module.css';

const height = 100;
const barWidth = 8;
const gap = 2;

/** Pictures of each of the last minutes as bars. */
export function Throughput({ perMinute }: { readonly perMinute: readonly number[] }): ReactElement {
  const { t } = useTranslation();
  const highest = Math.max(1, ...perMinute);
  const total = perMinute.reduce((sum, count) => sum + count, 0);
  const words = t('operation.throughputWords', { count: total, minutes: minutesShown, highest });
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('operation.throughput')}</h3>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${minutesShown * (barWidth + gap)} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        {perMinute.map((count, index) => {
          const tall = Math.max(1, (count / highest) * height);
          const x = index * (barWidth + gap);
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its minute
          return <rect key={index} className={styles.bar} x={x} y={height - tall} width={barWidth} height={tall} />;
        })}
      </svg>
      <p className={styles.words}>{words}</p>
    </section>
  );
}
