import type { SystemHistory, SystemSample } from '@imagemill/api';
import { SegmentedControl } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSystemHistory } from '../../shared/api/operation.ts';
import { formatDuration, formatNumber, formatPercent, formatTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { readStored, writeStored } from '../../shared/storage.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { beginOf, ratesOf } from './history.ts';
import { type ChartPoint, LineChart } from './line-chart.tsx';
import styles from './live-charts.module.css';

/** Times that the charts can span, in minutes, with the points that are shown of each. */
const spans = { '60': 360, '360': 216, '1440': 288 } as const;
type Span = keyof typeof spans;
const key = 'imagemill.operation-span';

/** Queue, use and memory of the devices, throughput and failures, as the server has them of the last hours. */
export function LiveCharts(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const [span, setSpan] = useState<Span>(readSpan);
  const history = useSystemHistory(Number(span), spans[span]);
  return (
    <section className={styles.charts} aria-label={t('operation.lastHours')}>
      <SegmentedControl
        className={styles.spans ?? ''}
        size="xs"
        aria-label={t('operation.lastHours')}
        value={span}
        data={(Object.keys(spans) as Span[]).map((value) => ({
          value,
          label: formatDuration(language, Number(value) * 60_000),
        }))}
        onChange={(value) => {
          writeStored(key, value);
          setSpan(value as Span);
        }}
      />
      {history.error !== null && <FaultAlert error={history.error} />}
      {history.data !== undefined && <Charts history={history.data} minutes={Number(span)} />}
    </section>
  );
}

interface ChartsProps {
  readonly history: SystemHistory;
  readonly minutes: number;
}

function Charts({ history, minutes }: ChartsProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { samples, stepSeconds } = history;
  const now = samples.at(-1);
  const from = beginOf(history);
  const shape = shapeOf(history, from, {
    left: formatTime(language, new Date(from).toISOString()),
    right: t('operation.now'),
  });
  const number = (value: number): string => formatNumber(language, value);
  const longest = highestOf(samples, ({ queued }) => queued);
  const perMinute = ratesOf(samples, stepSeconds);
  const fastest = Math.round(Math.max(0, ...perMinute) * 10) / 10;
  const drawn = samples.reduce((sum, { succeeded }) => sum + succeeded, 0);
  const failed = samples.reduce((sum, one) => sum + one.failed, 0);
  const mostFailed = highestOf(samples, (one) => one.failed);
  return (
    <div className={styles.columns}>
      <LineChart
        title={t('operation.queueNow')}
        words={t('operation.queueWords', { count: now?.queued ?? 0 })}
        {...shape(({ queued }) => queued, longest, number(longest))}
      />
      <LineChart
        title={t('operation.throughput')}
        words={t('operation.throughputWords', { count: drawn, minutes, highest: fastest })}
        {...shape((_, index) => perMinute[index], fastest, t('operation.aMinute', { count: fastest }))}
      />
      <LineChart
        title={t('operation.failures')}
        words={t('operation.failureWords', { failed, count: drawn + failed })}
        tone="danger"
        {...shape((one) => one.failed, mostFailed, number(mostFailed))}
      />
      <LineChart
        title={t('operation.useNow')}
        words={
          now?.utilization === undefined
            ? t('operation.notTold')
            : t('operation.useWords', { percent: formatPercent(language, now.utilization) })
        }
        {...shape(({ utilization }) => utilization, 1, formatPercent(language, 1))}
      />
      <LineChart
        title={t('operation.memoryNow')}
        words={
          now?.memory === undefined
            ? t('operation.notTold')
            : t('operation.memoryWords', { percent: formatPercent(language, now.memory) })
        }
        {...shape(({ memory }) => memory, 1, formatPercent(language, 1))}
      />
    </div>
  );
}

type Shape = (
  pick: (sample: SystemSample, index: number) => number | undefined,
  top: number,
  words: string,
) => {
  readonly points: readonly ChartPoint[];
  readonly gap: number;
  readonly top: number;
  readonly labels: { readonly top: string; readonly left: string; readonly right: string };
};

/** How a figure of the history is drawn: from when the records begin, where that is later than asked for. */
function shapeOf(
  history: SystemHistory,
  from: number,
  sides: { readonly left: string; readonly right: string },
): Shape {
  const length = Date.parse(history.to) - from;
  const gap = (2.5 * history.stepSeconds * 1_000) / length;
  return (pick, top, words) => ({
    points: history.samples.flatMap((sample, index) => {
      const y = pick(sample, index);
      return y === undefined ? [] : [{ x: Math.max(0, (Date.parse(sample.at) - from) / length), y }];
    }),
    gap,
    top: top === 0 ? 1 : top,
    labels: { ...sides, top: words },
  });
}

function highestOf(samples: readonly SystemSample[], pick: (sample: SystemSample) => number): number {
  return Math.max(0, ...samples.map(pick));
}

function readSpan(): Span {
  const stored = readStored(key);
  return stored !== null && stored in spans ? (stored as Span) : '60';
}
