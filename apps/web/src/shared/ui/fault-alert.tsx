import { ApiError } from '@imagemill/api/client';
import { Button } from '@mantine/core';
import { type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Fault, faultOf } from '../api/fault.ts';
import { useIsServerTroubleShown } from '../api/system.ts';
import { formatDuration } from '../format/format.ts';
import { useKnownFaults } from '../i18n/use-known-faults.ts';
import { useLanguage } from '../i18n/use-language.ts';
import styles from './fault-alert.module.css';
import { AlertIcon } from './icons.tsx';

interface FaultAlertProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly onDismiss?: (() => void) | undefined;
  /** Stands above everything and speaks for all of the page. */
  readonly isAboutServer?: boolean;
}

/** Says in the reader's language what went wrong and what to do about it. */
export function FaultAlert(props: FaultAlertProps): ReactElement | null {
  const { error, onRetry, onDismiss, isAboutServer = false } = props;
  const { t } = useTranslation();
  const fault = faultOf(error, useKnownFaults());
  const language = useLanguage();
  const waitSeconds = useSecondsLeft(error, fault.retryAfterSeconds);
  const isSaidAbove = useIsServerTroubleShown() && fault.code === 'unreachable';
  // What could not be loaded says no more than that; what the reader did and what failed of it is told where it was.
  if (isSaidAbove && !isAboutServer && onDismiss === undefined) return null;
  // What the server refused for good would be refused again.
  const canRetry = !(error instanceof ApiError) || error.retryable;
  return (
    <div className={styles.alert} role="alert">
      <span className={styles.icon}>
        <AlertIcon size={20} />
      </span>
      <div className={styles.words}>
        <p className={styles.what}>{t(`errors.${fault.code}.what`)}</p>
        <FieldList fault={fault} />
        <p>{t(`errors.${fault.code}.next`)}</p>
        {waitSeconds > 0 && <p>{t('fault.possibleIn', { time: formatDuration(language, waitSeconds * 1_000) })}</p>}
        {fault.requestId !== undefined && fault.fields.length === 0 && (
          <p className={styles.reference}>{t('fault.reference', { requestId: fault.requestId })}</p>
        )}
        <div className={styles.actions}>
          {onRetry !== undefined && canRetry && (
            <Button size="xs" variant="default" disabled={waitSeconds > 0 && waitSeconds < 120} onClick={onRetry}>
              {t('fault.tryAgain')}
            </Button>
          )}
          {onDismiss !== undefined && (
            <Button size="xs" variant="subtle" color="gray" onClick={onDismiss}>
              {t('fault.dismiss')}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

/** Counts down from what the server asked to wait when the error came. */
function useSecondsLeft(error: unknown, seconds: number | undefined): number {
  const [end, setEnd] = useState<{ readonly of: unknown; readonly at: number }>();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (seconds === undefined) return;
    const begin = Date.now();
    setEnd({ of: error, at: begin + seconds * 1_000 });
    setNow(begin);
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [error, seconds]);
  const isCounting = end !== undefined && end.of === error;
  return isCounting ? Math.max(0, Math.ceil((end.at - now) / 1_000)) : (seconds ?? 0);
}

function FieldList({ fault }: { readonly fault: Fault }): ReactElement | null {
  const { t, i18n } = useTranslation();
  if (fault.fields.length === 0) return null;
  return (
    <ul className={styles.fields}>
      {fault.fields.map((error) => {
        const key = `fields.${error.field}`;
        // A field that this page does not set keeps its name in the API.
        const field = i18n.exists(key) ? t(key as 'fields.prompt') : error.field;
        const reason = t(`fieldErrors.${error.code}`, t('fieldErrors.invalid_value'));
        return <li key={`${error.field} ${error.code}`}>{t('fault.field', { field, reason })}</li>;
      })}
    </ul>
  );
}
