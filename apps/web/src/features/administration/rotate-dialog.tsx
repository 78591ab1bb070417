import type { ApiKey, IssuedKey } from '@imagemill/api';
import { NativeSelect } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';

interface RotateDialogProps {
  readonly tenant: string | undefined;
  readonly apiKey: ApiKey;
  readonly onIssued: (issued: IssuedKey) => void;
  readonly onClose: () => void;
}

/** Puts a new key in the place of one; both are good for a while. */
export function RotateDialog({ tenant, apiKey: key, onIssued, onClose }: RotateDialogProps): ReactElement {
  const { t } = useTranslation();
  const [hours, setHours] = useState('24');
  const rotate = useAdminister(() => client.rotateKey(key.id, { overlapSeconds: Number(hours) * 3_600 }, { tenant }));
  return (
    <FormDialog
      title={t('administration.rotateOf', { name: key.name })}
      action={t('administration.rotate')}
      error={rotate.error}
      isSending={rotate.isPending}
      onSend={() => rotate.mutate(undefined, { onSuccess: onIssued })}
      onClose={onClose}
    >
      <p>{t('administration.rotateHelp')}</p>
      <NativeSelect
        label={t('administration.overlap')}
        value={hours}
        data={[
          { value: '0', label: t('administration.overlapNone') },
          ...[1, 24, 168, 720].map((count) => ({
            value: String(count),
            label: count < 48 ? t('administration.hours', { count }) : t('administration.days', { count: count / 24 }),
          })),
        ]}
        onChange={({ currentTarget }) => setHours(currentTarget.value)}
      />
    </FormDialog>
  );
}
