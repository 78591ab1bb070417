import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useAlertAct, useAlertSettings, useAlerts } from '../../shared/api/alerts.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { AlertList } from './alert-list.tsx';
import styles from './alerts-page.module.css';
import { Channels } from './channels.tsx';
import { Rules } from './rules.tsx';
import { Silences } from './silences.tsx';

/** What fires on this installation, what fired, by which rules, and where it is sent. */
export function AlertsPage(): ReactElement {
  const { t } = useTranslation();
  const mayChange = useCan()('operations:manage');
  const alerts = useAlerts();
  const settings = useAlertSettings();
  const act = useAlertAct();
  const error = act.error ?? alerts.error ?? settings.error;
  const items = alerts.data?.items ?? [];
  const shared = { onAct: act.mutate, mayChange };
  return (
    <>
      <h2 className={styles.title}>{t('alerts.title')}</h2>
      {error !== null && <FaultAlert error={error} />}
      <AlertList
        {...shared}
        title={t('alerts.firing')}
        empty={t('alerts.nothingFires')}
        alerts={items.filter(({ state }) => state === 'firing')}
      />
      {settings.data !== undefined && (
        <>
          <Rules {...shared} rules={settings.data.rules} />
          <div className={styles.columns}>
            <Channels {...shared} channels={settings.data.channels} />
            <Silences {...shared} silences={settings.data.silences} rules={settings.data.rules} />
          </div>
        </>
      )}
      <AlertList
        {...shared}
        title={t('alerts.history')}
        empty={t('alerts.nothingFired')}
        alerts={items.filter(({ state }) => state === 'resolved')}
      />
    </>
  );
}
