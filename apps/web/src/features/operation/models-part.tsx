import type { Model, ModelActivity } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../shared/api/client.ts';
import { isOpen, useChangeModels, useModelActivities } from '../../shared/api/operation.ts';
import { useModelList } from '../../shared/api/system.ts';
import { formatBytes, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { Notice } from '../../shared/ui/notice.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge, type Tone } from '../../shared/ui/state-badge.tsx';
import styles from './models-part.module.css';
import { PullDialog } from './pull-dialog.tsx';

const tones: Readonly<Record<Model['state'], Tone>> = {
  available: 'quiet',
  loading: 'warning',
  loaded: 'good',
  unusable: 'danger',
};

interface ModelOrder {
  readonly kind: 'load' | 'unload' | 'verify';
  readonly name: string;
}

/** Models: into memory and out of it, from a hub onto the disk, checked file by file. */
export function ModelsPart(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const models = useModelList();
  const activities = useModelActivities();
  const change = useChangeModels(({ kind, name }: ModelOrder): Promise<unknown> => {
    if (kind === 'load') return client.loadModel(name);
    return kind === 'unload' ? client.unloadModel(name) : client.verifyModel(name);
  });
  const [isPulling, setIsPulling] = useState(false);
  const isBusy =
    models.data?.some(({ state }) => state === 'loading') === true || activities.data?.some(isOpen) === true;
  const { refetch } = models;
  useEffect(() => {
    if (!isBusy) return undefined;
    const timer = setInterval(() => void refetch(), 1_500);
    return () => {
      clearInterval(timer);
      void refetch();
    };
  }, [isBusy, refetch]);
  const error = change.error ?? models.error ?? activities.error;
  return (
    <Section
      isTitleHidden
      title={t('operation.models')}
      help={t('operation.modelsHelp')}
      action={<Button onClick={() => setIsPulling(true)}>{t('operation.pull')}</Button>}
    >
      {error !== null && <FaultAlert error={error} onDismiss={change.error === null ? undefined : change.reset} />}
      <DataTable
        label={t('operation.models')}
        columns={[
          t('compose.model'),
          t('operation.state'),
          t('viewer.size'),
          t('operation.memory'),
          t('operation.actions'),
        ]}
      >
        {models.data?.map((model) => (
          <tr key={model.name}>
            <th scope="row">
              {model.name}
              <p className={styles.help}>
                {model.family}
                {model.precisions.length > 0 && ` · ${model.precisions.map(({ precision }) => precision).join(', ')}`}
              </p>
            </th>
            <td>
              <StateBadge tone={tones[model.state]} words={t(`operation.model.${model.state}`)} />
              {model.problem !== undefined && <Notice notice={model.problem} />}
              {model.precisions.map(
                ({ precision, problem }) =>
                  problem && (
                    <div key={precision}>
                      {precision}: <Notice notice={problem} />
                    </div>
                  ),
              )}
            </td>
            <td>
              {formatNumber(language, model.nativeWidth)} × {formatNumber(language, model.nativeHeight)}
            </td>
            <td>{formatBytes(language, model.bytes)}</td>
            <td>
              <div className={styles.actions}>
                {model.state === 'loaded' ? (
                  <ModelButton
                    words={t('operation.unload')}
                    onClick={() => change.mutate({ kind: 'unload', name: model.name })}
                    name={model.name}
                  />
                ) : (
                  <ModelButton
                    words={t('operation.load')}
                    onClick={() => change.mutate({ kind: 'load', name: model.name })}
                    name={model.name}
                  />
                )}
                <ModelButton
                  words={t('operation.verify')}
                  onClick={() => change.mutate({ kind: 'verify', name: model.name })}
                  name={model.name}
                />
              </div>
            </td>
          </tr>
        ))}
      </DataTable>
      {activities.data !== undefined && activities.data.length > 0 && <Activities items={activities.data} />}
      {isPulling && <PullDialog onClose={() => setIsPulling(false)} />}
    </Section>
  );
}

interface ModelButtonProps {
  readonly words: string;
  readonly name: string;
  readonly onClick: () => void;
}

function ModelButton({ words, name, onClick }: ModelButtonProps): ReactElement {
  return (
    <Button size="compact-sm" variant="default" aria-label={`${words}: ${name}`} onClick={onClick}>
      {words}
    </Button>
  );
}

const activityTones: Readonly<Record<ModelActivity['state'], Tone>> = {
  waiting: 'quiet',
  running: 'warning',
  succeeded: 'good',
  failed: 'danger',
  cancelled: 'quiet',
};

function Activities({ items }: { readonly items: readonly ModelActivity[] }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const cancel = useChangeModels((id: string) => client.cancelModelActivity(id));
  return (
    <Section title={t('operation.activities')}>
      <ul className={styles.list}>
        {items.map((item) => (
          <li key={item.id} className={styles.item}>
            <div className={styles.words}>
              <strong>{t(`operation.activity.${item.kind}`, { model: item.model })}</strong>{' '}
              <StateBadge tone={activityTones[item.state]} words={t(`operation.activityState.${item.state}`)} />
              {item.totalBytes > 0 && (
                <p className={styles.help}>
                  {t('operation.bytes', {
                    done: formatBytes(language, item.doneBytes),
                    total: formatBytes(language, item.totalBytes),
                  })}
                </p>
              )}
              {item.problem !== undefined && <Notice notice={item.problem} />}
              {item.faults.length > 0 && (
                <ul className={styles.faults}>
                  {item.faults.slice(0, mostFaults).map(({ path, fault }) => (
                    <li key={path}>
                      {path}: {t(`operation.fileFault.${fault}`)}
                    </li>
                  ))}
                </ul>
              )}
              {isOpen(item) && (
                <progress
                  className={styles.bar}
                  aria-label={t(`operation.activity.${item.kind}`, { model: item.model })}
                  {...(item.totalBytes > 0 ? { max: item.totalBytes, value: item.doneBytes } : {})}
                />
              )}
            </div>
            {isOpen(item) && (
              <Button size="compact-sm" variant="default" onClick={() => cancel.mutate(item.id)}>
                {t('feed.cancel')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const mostFaults = 20;
