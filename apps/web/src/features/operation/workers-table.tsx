import type { WorkerInfo } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useWorkers } from '../../shared/api/operation.ts';
import { formatAgo, formatBytes, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { Notice } from '../../shared/ui/notice.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import { useNow } from '../../shared/ui/use-now.ts';
import styles from './workers-table.module.css';

/** Who draws: every process of the installation, with its device, its jobs and when it was heard of last. */
export function WorkersTable(): ReactElement {
  const { t } = useTranslation();
  const workers = useWorkers();
  const now = useNow(1_000);
  return (
    <section className={styles.part}>
      <h3 className={styles.name}>{t('operation.workers')}</h3>
      {workers.error !== null && <FaultAlert error={workers.error} />}
      <DataTable
        label={t('operation.workers')}
        columns={[
          t('operation.worker'),
          t('operation.device'),
          t('operation.state'),
          t('operation.jobs'),
          t('operation.memoryNow'),
          t('operation.heartbeat'),
        ]}
        empty={workers.data?.length === 0 ? t('operation.noWorkers') : undefined}
      >
        {workers.data?.map((worker) => (
          <Row key={worker.id} worker={worker} now={now} />
        ))}
      </DataTable>
    </section>
  );
}

function Row({ worker, now }: { readonly worker: WorkerInfo; readonly now: number }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { host, pid, device, executionProvider, state, jobs, slots, crashes, memory, seenAt, problem, notes } = worker;
  return (
    <tr>
      <th scope="row">
        {host}
        <p className={styles.small}>{t('operation.process', { pid: String(pid) })}</p>
      </th>
      <td>
        <span>{device}</span>
        {executionProvider !== undefined && executionProvider !== device && (
          <p className={styles.small}>{executionProvider}</p>
        )}
      </td>
      <td>
        <StateBadge tone={toneOf(state)} words={t(`operation.engine.${state}`)} />
        <div className={styles.notes}>
          {[problem, ...notes].map((notice) => notice && <Notice key={notice.message} notice={notice} />)}
        </div>
        {crashes > 0 && <p className={styles.small}>{t('operation.crashes', { count: crashes })}</p>}
      </td>
      <td>{t('operation.jobsOf', { jobs, slots })}</td>
      <td>
        {memory === undefined
          ? '–'
          : t('operation.bytes', {
              done: formatBytes(language, memory.totalBytes - memory.freeBytes),
              total: formatBytes(language, memory.totalBytes),
            })}
      </td>
      <td>{secondsOr(formatAgo(language, seenAt, now))}</td>
    </tr>
  );

  /** Under a minute the seconds count: a worker is gone after seven of them. */
  function secondsOr(words: string): string {
    const seconds = Math.max(0, Math.round((now - Date.parse(seenAt)) / 1_000));
    return seconds < 60 ? t('operation.secondsAgo', { seconds: formatNumber(language, seconds) }) : words;
  }
}

function toneOf(state: WorkerInfo['state']): 'good' | 'warning' | 'danger' {
  if (state === 'ready') return 'good';
  return state === 'broken' || state === 'silent' ? 'danger' : 'warning';
}
