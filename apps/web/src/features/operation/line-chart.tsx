import type { ReactElement } from 'react';
import styles from './line-chart.module.css';

interface LineChartProps {
  readonly title: string;
  /** What the line shows now, in a sentence. */
  readonly words: string;
  readonly values: readonly number[];
  /** Value at the upper edge; the highest of the values by default. */
  readonly top?: number;
  /** Places for values; the newest stands at the right. */
  readonly places: number;
}

const height = 100;
const step = 10;

/** A line of the newest values; the sentence below says it to those who do not see it. */
export function LineChart({ title, words, values, top, places }: LineChartProps): ReactElement {
  const highest = top ?? Math.max(1, ...values);
  const width = (places - 1) * step;
  const points = values.map((value, index) => {
    const x = width - (values.length - 1 - index) * step;
    return `${x},${height - (value / highest) * height}`;
  });
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{title}</h3>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        <polyline className={styles.line} points={points.join(' ')} vectorEffect="non-scaling-stroke" />
      </svg>
      <p className={styles.words}>{words}</p>
    </section>
  );
}
