import type { AlertRule, AlertSilence } from '@imagemill/api';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AlertAct } from '../../shared/api/alerts.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { useServerWords } from '../../shared/i18n/use-server-words.ts';
import styles from './alerts-page.module.css';

interface SilencesProps {
  readonly silences: readonly AlertSilence[];
  readonly rules: readonly AlertRule[];
  readonly mayChange: boolean;
  readonly onAct: (act: AlertAct) => void;
}

/** What is kept and not sent for a while. */
export function Silences({ silences, rules, mayChange, onAct }: SilencesProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const words = useServerWords();
  const nameOf = (ruleId: string | undefined): string =>
    ruleId === undefined ? t('alerts.allRules') : words(rules.find(({ id }) => id === ruleId)?.name ?? ruleId);
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('alerts.silences')}</h3>
      {silences.length === 0 && <p className={styles.soft}>{t('alerts.noSilences')}</p>}
      <ul className={styles.items}>
        {silences.map(({ id, ruleId, until, by, comment }) => (
          <li key={id} className={styles.item}>
            <span className={styles.words}>
              <strong>{nameOf(ruleId)}</strong> · {t('alerts.until', { time: formatDateTime(language, until) })} ·{' '}
              {words(by)} {comment}
            </span>
            {mayChange && (
              <Button variant="subtle" onClick={() => onAct({ kind: 'unsilence', id })}>
                {t('alerts.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {mayChange && <NewSilence rules={rules} onAct={onAct} />}
    </section>
  );
}

function NewSilence({ rules, onAct }: Pick<SilencesProps, 'rules' | 'onAct'>): ReactElement {
  const { t } = useTranslation();
  const words = useServerWords();
  const [ruleId, setRuleId] = useState('');
  const [minutes, setMinutes] = useState('60');
  const add = (event: SyntheticEvent): void => {
    event.preventDefault();
    onAct({ kind: 'silence', silence: { minutes: Number(minutes), ...(ruleId !== '' && { ruleId }) } });
  };
  return (
    <form className={styles.form} onSubmit={add} aria-label={t('alerts.newSilence')}>
      <NativeSelect
        label={t('alerts.rule')}
        value={ruleId}
        data={[
          { value: '', label: t('alerts.allRules') },
          ...rules.map(({ id, name }) => ({ value: id, label: words(name) })),
        ]}
        onChange={(event) => setRuleId(event.target.value)}
      />
      <TextInput
        label={t('alerts.minutes')}
        type="number"
        min={1}
        max={43_200}
        required
        withAsterisk={false}
        value={minutes}
        onChange={(event) => setMinutes(event.target.value)}
      />
      <Button type="submit" variant="default">
        {t('alerts.keepBack')}
      </Button>
    </form>
  );
}
