import type { IssuedKey } from '@imagemill/api';
import { NativeSelect } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, useMembers } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { useCan } from '../../shared/api/session.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { KeyFields } from './key-fields.tsx';
import { keyRequestOf, newKeyTexts } from './key-texts.ts';

interface KeyDialogProps {
  readonly tenant: string | undefined;
  readonly onIssued: (issued: IssuedKey) => void;
  readonly onClose: () => void;
}

/** Makes a key: what it may do, for whom, until when, and how much. */
export function KeyDialog({ tenant, onIssued, onClose }: KeyDialogProps): ReactElement {
  const { t } = useTranslation();
  const members = useMembers(tenant, useCan()('members:manage'));
  const [texts, setTexts] = useState(newKeyTexts);
  const [memberId, setMemberId] = useState('');
  const create = useAdminister(() =>
    client.createKey({
      ...keyRequestOf(texts),
      ...(memberId === '' ? {} : { memberId }),
      ...(tenant === undefined ? {} : { tenantId: tenant }),
    }),
  );
  return (
    <FormDialog
      title={t('administration.newKey')}
      action={t('administration.create')}
      error={create.error}
      isSending={create.isPending}
      isDisabled={texts.name.trim() === ''}
      onSend={() => create.mutate(undefined, { onSuccess: onIssued })}
      onClose={onClose}
    >
      <KeyFields texts={texts} onChange={setTexts}>
        {members.data !== undefined && members.data.length > 0 && (
          <NativeSelect
            label={t('administration.ofMember')}
            value={memberId}
            data={[
              { value: '', label: t('administration.ofNobody') },
              ...members.data.map(({ id, email }) => ({ value: id, label: email })),
            ]}
            onChange={({ currentTarget }) => setMemberId(currentTarget.value)}
          />
        )}
      </KeyFields>
    </FormDialog>
  );
}
