import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { AlertIcon } from '../../shared/ui/icons.tsx';
import styles from './problem.module.css';

const known = [
  'expired',
  'state_mismatch',
  'provider_refused',
  'provider_unreachable',
  'token_invalid',
  'email_missing',
  'domain_not_allowed',
  'unknown_member',
  'member_disabled',
  'tenant_disabled',
  'wrong_tenant',
  'too_many_attempts',
] as const;

/** Why the sign-in with the provider did not succeed, as the address says it; nothing when it says nothing. */
export function Problem({ code }: { readonly code: string | null }): ReactElement | null {
  const { t } = useTranslation();
  if (code === null) return null;
  const reason = known.find((one) => one === code) ?? 'token_invalid';
  return (
    <div className={styles.problem} role="alert">
      <AlertIcon size={20} />
      <p>{t(`signIn.problems.${reason}`)}</p>
    </div>
  );
}
