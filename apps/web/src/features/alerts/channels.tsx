import type { AlertChannel, AlertChannelKind, AlertLanguage } from '@imagemill/api';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type AlertAct, useChannelTest } from '../../shared/api/alerts.ts';
import styles from './alerts-page.module.css';

interface ChannelsProps {
  readonly channels: readonly AlertChannel[];
  readonly mayChange: boolean;
  readonly onAct: (act: AlertAct) => void;
}

/** Where alerts are sent. Tokens and secrets go to the server and never come back. */
export function Channels({ channels, mayChange, onAct }: ChannelsProps): ReactElement {
  const { t } = useTranslation();
  const test = useChannelTest();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('alerts.channels')}</h3>
      {channels.length === 0 && <p className={styles.soft}>{t('alerts.noChannels')}</p>}
      <ul className={styles.items}>
        {channels.map(({ id, name, kind, target, isFixed }) => (
          <li key={id} className={styles.item}>
            <span className={styles.words}>
              <strong>{name}</strong> · {t(`alerts.kinds.${kind}`)} · {target}
            </span>
            {mayChange && (
              <div className={styles.actions}>
                <Button
                  variant="default"
                  loading={test.isPending && test.variables === id}
                  onClick={() => test.mutate(id)}
                >
                  {t('alerts.test')}
                </Button>
                {!isFixed && (
                  <Button variant="subtle" onClick={() => onAct({ kind: 'removeChannel', id })}>
                    {t('alerts.delete')}
                  </Button>
                )}
              </div>
            )}
          </li>
        ))}
      </ul>
      <p role="status" className={styles.soft}>
        {test.data !== undefined &&
          (test.data.state === 'delivered'
            ? t('alerts.testArrived')
            : t('alerts.testFailed', { problem: test.data.problem ?? '' }))}
      </p>
      {mayChange && <NewChannel onAct={onAct} />}
    </section>
  );
}

function NewChannel({ onAct }: Pick<ChannelsProps, 'onAct'>): ReactElement {
  const { t } = useTranslation();
  const [kind, setKind] = useState<AlertChannelKind>('feishu');
  const [target, setTarget] = useState('');
  const [secret, setSecret] = useState('');
  const [language, setLanguage] = useState<AlertLanguage | ''>('');
  const add = (event: SyntheticEvent): void => {
    event.preventDefault();
    const to = target.split(',').map((address) => address.trim());
    const where = kind === 'mail' ? { to } : { url: target, ...(secret !== '' && { secret }) };
    onAct({
      kind: 'channel',
      channel: { name: t(`alerts.kinds.${kind}`), kind, ...where, ...(language !== '' && { language }) },
    });
    setTarget('');
    setSecret('');
  };
  return (
    <form className={styles.form} onSubmit={add} aria-label={t('alerts.newChannel')}>
      <NativeSelect
        label={t('alerts.kind')}
        value={kind}
        data={kinds.map((value) => ({ value, label: t(`alerts.kinds.${value}`) }))}
        onChange={(event) => setKind(event.target.value as AlertChannelKind)}
      />
      <TextInput
        label={kind === 'mail' ? t('alerts.addresses') : t('alerts.url')}
        required
        withAsterisk={false}
        value={target}
        onChange={(event) => setTarget(event.target.value)}
      />
      {kind !== 'mail' && kind !== 'wecom' && kind !== 'slack' && (
        <TextInput
          label={t('alerts.secret')}
          type="password"
          autoComplete="off"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
      )}
      <NativeSelect
        label={t('alerts.language')}
        value={language}
        data={[
          { value: '', label: t('alerts.languages.server') },
          ...languages.map((value) => ({ value, label: t(`alerts.languages.${value}`) })),
        ]}
        onChange={(event) => setLanguage(event.target.value as AlertLanguage | '')}
      />
      <Button type="submit" variant="default">
        {t('alerts.add')}
      </Button>
    </form>
  );
}

const languages: readonly AlertLanguage[] = ['en', 'zh-CN', 'both'];
const kinds: readonly AlertChannelKind[] = ['feishu', 'dingtalk', 'wecom', 'slack', 'mail', 'webhook'];
