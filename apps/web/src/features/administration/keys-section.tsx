import type { ApiKey, IssuedKey } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, useKeys } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import { Actions } from './actions.tsx';
import { KeyChangeDialog } from './key-change-dialog.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { QuotaWords } from './quota-fields.tsx';
import { RotateDialog } from './rotate-dialog.tsx';
import { SecretDialog } from './secret-dialog.tsx';

type Open =
  | { readonly kind: 'new' }
  | { readonly kind: 'change' | 'rotate' | 'revoke'; readonly key: ApiKey }
  | { readonly kind: 'issued'; readonly issued: IssuedKey };

/** API keys of a tenant. */
export function KeysSection({ tenant }: { readonly tenant: string | undefined }): ReactElement {
  const { t } = useTranslation();
  const keys = useKeys(tenant);
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  const show = (issued: IssuedKey): void => setOpen({ kind: 'issued', issued });
  return (
    <Section
      title={t('administration.keys')}
      help={t('administration.keysHelp')}
      isLoading={keys.isPending}
      error={keys.error}
      onRetry={() => void keys.refetch()}
      action={<Button onClick={() => setOpen({ kind: 'new' })}>{t('administration.newKey')}</Button>}
    >
      <DataTable
        label={t('administration.keys')}
        columns={[
          t('administration.name'),
          t('administration.role'),
          t('administration.state'),
          t('administration.expires'),
          t('administration.lastUsed'),
          t('administration.limits'),
          t('administration.actions'),
        ]}
        empty={keys.data?.length === 0 ? t('administration.noKeys') : undefined}
      >
        {keys.data?.map((key) => (
          <KeyRow key={key.id} apiKey={key} onOpen={setOpen} />
        ))}
      </DataTable>
      {open?.kind === 'new' && <KeyDialog tenant={tenant} onIssued={show} onClose={close} />}
      {open?.kind === 'change' && <KeyChangeDialog tenant={tenant} apiKey={open.key} onClose={close} />}
      {open?.kind === 'rotate' && <RotateDialog tenant={tenant} apiKey={open.key} onIssued={show} onClose={close} />}
      {open?.kind === 'revoke' && <RevokeDialog tenant={tenant} apiKey={open.key} onClose={close} />}
      {open?.kind === 'issued' && <SecretDialog issued={open.issued} onClose={close} />}
    </Section>
  );
}

interface KeyRowProps {
  readonly apiKey: ApiKey;
  readonly onOpen: (open: Open) => void;
}

function KeyRow({ apiKey: key, onOpen }: KeyRowProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const tone = key.state === 'active' ? 'good' : key.state === 'expired' ? 'quiet' : 'danger';
  const at = (time: string | undefined, none: string): string =>
    time === undefined ? none : formatDateTime(language, time);
  return (
    <tr>
      <th scope="row">
        {key.name}
        <br />
        <code>{key.id}</code>
      </th>
      <td>
        {t(`roles.${key.role}`)}
        {key.scopes !== undefined && <p>{key.scopes.join(', ')}</p>}
      </td>
      <td>
        <StateBadge tone={tone} words={t(`administration.keyStates.${key.state}`)} />
      </td>
      <td>{at(key.expiresAt, t('administration.noEnd'))}</td>
      <td>{at(key.lastUsedAt, t('administration.never'))}</td>
      <td>
        <QuotaWords limits={key.limits} />
      </td>
      <td>
        <Actions
          actions={actionsOf[key.state].map((kind) => ({
            words: t(`administration.${kind}`),
            label: t(`administration.${kind}Of`, { name: key.name }),
            onClick: () => onOpen({ kind, key }),
          }))}
        />
      </td>
    </tr>
  );
}

interface RevokeDialogProps {
  readonly tenant: string | undefined;
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
}

function RevokeDialog({ tenant, apiKey: key, onClose }: RevokeDialogProps): ReactElement {
  const { t } = useTranslation();
  const revoke = useAdminister(() => client.revokeKey(key.id, { tenant }));
  return (
    <FormDialog
      title={t('administration.revokeOf', { name: key.name })}
      action={t('administration.revoke')}
      isDangerous
      error={revoke.error}
      isSending={revoke.isPending}
      onSend={() => revoke.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('administration.revokeHelp')}</p>
    </FormDialog>
  );
}

/** What is over can be given a later end; what is revoked stays so. */
const actionsOf = {
  active: ['change', 'rotate', 'revoke'],
  expired: ['change', 'revoke'],
  revoked: [],
} as const satisfies Readonly<Record<ApiKey['state'], readonly ('change' | 'rotate' | 'revoke')[]>>;
