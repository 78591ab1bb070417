import type { AlertRule } from '@imagemill/api';
import { Button, TextInput } from '@mantine/core';
import { type ReactElement, type SyntheticEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AlertAct } from '../../shared/api/alerts.ts';
import { useServerWords } from '../../shared/i18n/use-server-words.ts';
import styles from './alerts-page.module.css';
import { unitOf } from './use-figure.ts';

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
  const { factor, name: unit } = unitOf(signal);
  const bound = withoutDust(rule.threshold / factor);
  const [threshold, setThreshold] = useState(String(bound));
  const [seconds, setSeconds] = useState(String(rule.forSeconds));
  const isChanged = Number(threshold) !== bound || Number(seconds) !== rule.forSeconds;
  const isSound = threshold !== '' && seconds !== '' && Number(seconds) >= 0;
  const save = (event: SyntheticEvent): void => {
    event.preventDefault();
    onAct({
      kind: 'rule',
      id,
      change: { threshold: withoutDust(Number(threshold) * factor), forSeconds: Number(seconds) },
    });
  };
  return (
    <form className={styles.rule} onSubmit={save} aria-label={words(name)}>
      <div className={styles.words}>
        <strong>{words(name)}</strong> · {enabled ? t(`alerts.phases.${phase}`) : t('alerts.off')}
        <p className={styles.soft}>
          {t(`alerts.signals.${signal}`)} · {t(`alerts.comparisons.${comparison}`)}
        </p>
      </div>
      <TextInput
        className={styles.number ?? ''}
        label={unit === undefined ? t('alerts.threshold') : t('alerts.thresholdIn', { unit })}
        type="number"
        step="any"
        value={threshold}
        disabled={!mayChange}
        onChange={(event) => setThreshold(event.target.value)}
      />
      <TextInput
        className={styles.number ?? ''}
        label={t('alerts.forSeconds')}
        type="number"
        min={0}
        value={seconds}
        disabled={!mayChange}
        onChange={(event) => setSeconds(event.target.value)}
      />
      {mayChange && (
        <div className={styles.actions}>
          <Button type="submit" variant="default" disabled={!isChanged || !isSound}>
            {t('alerts.save')}
          </Button>
          <Button variant="default" onClick={() => onAct({ kind: 'rule', id, change: { enabled: !enabled } })}>
            {enabled ? t('alerts.switchOff') : t('alerts.switchOn')}
          </Button>
          <Button variant="subtle" onClick={() => onAct({ kind: 'reset', id })}>
            {isDefault ? t('alerts.reset') : t('alerts.delete')}
          </Button>
        </div>
      )}
    </form>
  );
}

/** Of binary fractions. */
function withoutDust(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
