import type { ApiKey } from '@imagemill/api';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { KeyFields } from './key-fields.tsx';
import { keyChangeOf, keyTextsOf } from './key-texts.ts';

interface KeyChangeDialogProps {
  readonly tenant: string | undefined;
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
}

/** Changes what a key is called, may do, until when, and how much; its secret stays. */
export function KeyChangeDialog({ tenant, apiKey: key, onClose }: KeyChangeDialogProps): ReactElement {
  const { t } = useTranslation();
  const [texts, setTexts] = useState(() => keyTextsOf(key));
  const save = useAdminister(() => client.changeKey(key.id, keyChangeOf(key, texts), { tenant }));
  return (
    <FormDialog
      title={t('administration.changeOf', { name: key.name })}
      action={t('administration.save')}
      error={save.error}
      isSending={save.isPending}
      isDisabled={texts.name.trim() === ''}
      onSend={() => save.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('administration.changeKeyHelp')}</p>
      <KeyFields texts={texts} onChange={setTexts} />
    </FormDialog>
  );
}
