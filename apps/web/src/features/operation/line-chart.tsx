import type { ReactElement } from 'react';
import styles from './line-chart.module.css';

/** A value at a share of the width, 0 at the left and 1 at the right edge. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

interface LineChartProps {
  readonly title: string;
  /** What the line shows, in a sentence. */
  readonly words: string;
  /** By time; where two are further apart than `gap`, nothing is known in between. */
  readonly points: readonly ChartPoint[];
  readonly gap: number;
  /** Value at the upper edge. */
  readonly top: number;
  /** What stands at the corners. */
  readonly labels: { readonly top: string; readonly left: string; readonly right: string };
  readonly tone?: 'accent' | 'danger';
}

const height = 100;
const width = 1_000;

/** Values over time as a line; the sentence below says it to those who do not see it. */
export function LineChart(props: LineChartProps): ReactElement {
  const { title, words, points, gap, top, labels, tone = 'accent' } = props;
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{title}</h3>
      <p className={styles.corner}>{labels.top}</p>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
        data-tone={tone}
      >
        {stretchesOf(points, gap).map((stretch) => (
          <Stretch key={stretch[0]?.x} points={stretch} top={top} />
        ))}
      </svg>
      <p className={styles.axis}>
        <span>{labels.left}</span>
        <span>{labels.right}</span>
      </p>
      <p className={styles.words}>{words}</p>
    </section>
  );
}

function Stretch({ points, top }: { readonly points: readonly ChartPoint[]; readonly top: number }): ReactElement {
  const at = points.map(({ x, y }) => [
    Math.round(x * width),
    Math.round((height - Math.min(1, y / top) * height) * 10) / 10,
  ]);
  const line = at.map(([x, y]) => `${x},${y}`).join(' ');
  const [first, last] = [at[0]?.[0] ?? 0, at.at(-1)?.[0] ?? 0];
  return (
    <>
      <polygon className={styles.area} points={`${first},${height} ${line} ${last},${height}`} />
      <polyline
        className={styles.line}
        // A single value is a dot, which a line of no length does not draw.
        points={at.length === 1 ? `${line} ${(at[0]?.[0] ?? 0) + 2},${at[0]?.[1]}` : line}
        vectorEffect="non-scaling-stroke"
      />
    </>
  );
}

/** Runs of points without a gap. */
export function stretchesOf(points: readonly ChartPoint[], gap: number): readonly (readonly ChartPoint[])[] {
  const found: ChartPoint[][] = [];
  for (const point of points) {
    const last = found.at(-1);
    if (last === undefined || point.x - (last.at(-1)?.x ?? 0) > gap) found.push([point]);
    else last.push(point);
  }
  return found;
}
