import type { AlertRule } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AlertAct } from '../../shared/api/alerts.ts';
import { useServerWords } from '../../shared/i18n/use-server-words.ts';
import styles from './alerts-page.module.css';

interface RulesProps {
  readonly rules: readonly AlertRule[];
  readonly mayChange: boolean;
  readonly onAct: (act: AlertAct) => void;
}

/** Every rule with where it stands; its bound, its duration and whether it is on may be changed here. */
export function Rules({ rules, mayChange, onAct }: RulesProps): ReactElement {
  const { t } = useTranslation();
  return (
    <section className={styles.panel}>
      <h3 className={styles.name}>{t('alerts.rules')}</h3>
      <ul className={styles.items}>
        {rules.map((rule) => (
          <li key={`${rule.id} ${rule.threshold} ${rule.forSeconds}`}>
            <Rule rule={rule} mayChange={mayChange} onAct={onAct} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Rule({ rule, mayChange, onAct }: Omit<RulesProps, 'rules'> & { readonly rule: AlertRule }): ReactElement {
  const { t } = useTranslation();
  const words = useServerWords();
  const { id, name, signal, comparison, phase, enabled, isDefault } = rule;
  const [threshold, setThreshold] = useState(String(rule.threshold));
  const [seconds, setSeconds] = useState(String(rule.forSeconds));
  const isChanged = Number(threshold) !== rule.threshold || Number(seconds) !== rule.forSeconds;
  const isSound = threshold !== '' && seconds !== '' && Number(seconds) >= 0;
  const save = (event: SyntheticEvent): void => {
    event.preventDefault();
    onAct({ kind: 'rule', id, change: { threshold: Number(threshold), forSeconds: Number(seconds) } });
  };
  return (
    <form className={styles.item} onSubmit={save} aria-label={words(name)}>
      <div className={styles.words}>
        <strong>{words(name)}</strong> · {enabled ? t(`alerts.phases.${phase}`) : t('alerts.off')}
        <p className={styles.soft}>
          {t(`alerts.signals.${signal}`)} · {t(`alerts.comparisons.${comparison}`)}
        </p>
      </div>
      <label className={styles.field}>
        {t('alerts.threshold')}
        <input
          type="number"
          step="any"
          value={threshold}
          disabled={!mayChange}
          onChange={(event) => setThreshold(event.target.value)}
        />
      </label>
      <label className={styles.field}>
        {t('alerts.forSeconds')}
        <input
          type="number"
          min={0}
          value={seconds}
          disabled={!mayChange}
          onChange={(event) => setSeconds(event.target.value)}
        />
      </label>
      {mayChange && (
        <>
          <Button type="submit" variant="default" disabled={!isChanged || !isSound}>
            {t('alerts.save')}
          </Button>
          <Button variant="default" onClick={() => onAct({ kind: 'rule', id, change: { enabled: !enabled } })}>
            {enabled ? t('alerts.switchOff') : t('alerts.switchOn')}
          </Button>
          <Button variant="subtle" onClick={() => onAct({ kind: 'reset', id })}>
            {isDefault ? t('alerts.reset') : t('alerts.delete')}
          </Button>
        </>
      )}
    </form>
  );
}
