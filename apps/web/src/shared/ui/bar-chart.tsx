import type { ReactElement } from 'react';
import styles from './bar-chart.module.css';

interface BarChartProps {
  /** What the chart shows, in a sentence. */
  readonly label: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

const height = 100;
const width = 8;
const gap = 2;

/** Bars from left to right; the sentence stands below for those who do not see them. */
export function BarChart({ label, bars }: BarChartProps): ReactElement {
  const highest = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <figure className={styles.figure}>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${Math.max(1, bars.length) * (width + gap)} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        {bars.map(({ name, value }, index) => {
          const tall = value === 0 ? 1 : Math.max(2, (value / highest) * height);
          return (
            <rect
              key={name}
              className={styles.bar}
              x={index * (width + gap)}
              y={height - tall}
              width={width}
              height={tall}
              data-empty={value === 0 || undefined}
            >
              <title>{`${name}: ${value}`}</title>
            </rect>
          );
        })}
      </svg>
      <p className={styles.ends} aria-hidden="true">
        <span>{bars[0]?.name}</span>
        {bars.length > 1 && <span>{bars.at(-1)?.name}</span>}
      </p>
      <figcaption className={styles.words}>{label}</figcaption>
    </figure>
  );
}
