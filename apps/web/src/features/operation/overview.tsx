import type { SystemStatus } from '@imagemill/api';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useQueue } from '../../shared/api/queue.ts';
import { useRecentGenerations } from '../../shared/api/recent.ts';
import { useCan } from '../../shared/api/session.ts';
import { useSystem } from '../../shared/api/system.ts';
import { formatAgo, formatBytes, formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { Notice } from '../../shared/ui/notice.tsx';
import { useNow } from '../../shared/ui/use-now.ts';
import { CostSection } from './cost-section.tsx';
import { Latency } from './latency.tsx';
import { LiveCharts } from './live-charts.tsx';
import { measure } from './measure.ts';
import { ModelTable } from './model-table.tsx';
import styles from './overview.module.css';
import { WorkersTable } from './workers-table.tsx';

/** How the server is doing, renewed every few seconds. */
export function Overview(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const can = useCan();
  const now = useNow(5_000);
  const system = useSystem();
  const queue = useQueue();
  const recent = useRecentGenerations();
  const measured = measure(recent.data ?? []);
  const waiting = Object.values(queue.data?.classes ?? {});
  const predicted = waiting.reduce((sum, { predictedSeconds }) => sum + predictedSeconds, 0);
  return (
    <>
      {queue.error !== null && <FaultAlert error={queue.error} />}
      {system.data !== undefined && (
        <dl className={styles.facts}>
          <Fact name={t('operation.queued')}>{formatNumber(language, system.data.queue.queued)}</Fact>
          <Fact name={t('operation.running')}>{formatNumber(language, system.data.queue.running)}</Fact>
          <Fact name={t('operation.predicted')}>{formatDuration(language, predicted * 1_000)}</Fact>
          <Fact name={t('queue.outOfAttempts')}>{formatNumber(language, queue.data?.deadLetters ?? 0)}</Fact>
          <Fact name={t('operation.failed')}>
            {t('operation.ofPictures', { failed: measured.failed, count: measured.pictures + measured.failed })}
          </Fact>
          <Fact name={t('operation.disk')}>{formatBytes(language, system.data.disk.freeBytes)}</Fact>
          <Fact name={t('operation.version')}>{system.data.version}</Fact>
          <Fact name={t('operation.started')}>{formatAgo(language, system.data.startedAt, now)}</Fact>
        </dl>
      )}
      {can('operations:read') && <LiveCharts />}
      {can('usage:read') && <CostSection />}
      {can('operations:read') ? <WorkersTable /> : system.data !== undefined && <Devices system={system.data} />}
      <div className={styles.columns}>
        <Latency phases={measured.phases} />
        <ModelTable />
      </div>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Devices({ system }: { readonly system: SystemStatus }): ReactElement {
  const { t } = useTranslation();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('operation.devices')}</h3>
      <ul className={styles.devices}>
        {system.engines.map(({ device, state, executionProvider, slots, crashes, problem, notes }) => (
          <li key={device}>
            <strong>{device}</strong> · {t(`operation.engine.${state}`)} · {executionProvider ?? '–'} ·{' '}
            {t('operation.slots', { count: slots })} · {t('operation.crashes', { count: crashes })}
            {[problem, ...notes].map((notice) => notice && <Notice key={notice.message} notice={notice} />)}
          </li>
        ))}
      </ul>
    </section>
  );
}
