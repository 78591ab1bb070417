import type { Alert } from '@imagemill/api';
import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { AlertAct } from '../../shared/api/alerts.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { useServerWords } from '../../shared/i18n/use-server-words.ts';
import styles from './alerts-page.module.css';
import { useFigure } from './use-figure.ts';

interface AlertListProps {
  readonly title: string;
  readonly empty: string;
  readonly alerts: readonly Alert[];
  readonly mayChange: boolean;
  readonly onAct: (act: AlertAct) => void;
}

export function AlertList({ title, empty, alerts, mayChange, onAct }: AlertListProps): ReactElement {
  const { t } = useTranslation();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{title}</h3>
      {alerts.length === 0 && <p className={styles.soft}>{empty}</p>}
      <ul className={styles.items}>
        {alerts.map((alert) => (
          <li key={alert.id} className={styles.item}>
            <AlertWords alert={alert} />
            {mayChange && alert.state === 'firing' && alert.acknowledged === undefined && (
              <Button variant="default" onClick={() => onAct({ kind: 'acknowledge', id: alert.id })}>
                {t('alerts.acknowledge')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function AlertWords({ alert }: { readonly alert: Alert }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const figure = useFigure();
  const words = useServerWords();
  const { name, severity, signal, value, worst, firedAt, resolvedAt, acknowledged, advice } = alert;
  return (
    <div className={styles.words}>
      <strong>{words(name)}</strong> · {t(`alerts.severities.${severity}`)} · {t(`alerts.signals.${signal}`)}{' '}
      {figure(signal, value)} ({t('alerts.worst', { value: figure(signal, worst) })})
      <p className={styles.soft}>
        {t('alerts.since', { time: formatDateTime(language, firedAt) })}
        {resolvedAt !== undefined && ` · ${t('alerts.resolved', { time: formatDateTime(language, resolvedAt) })}`}
        {acknowledged !== undefined && ` · ${t('alerts.acknowledgedBy', { name: words(acknowledged.by) })}`}
      </p>
      {resolvedAt === undefined && advice !== '' && <p>{words(advice)}</p>}
    </div>
  );
}
