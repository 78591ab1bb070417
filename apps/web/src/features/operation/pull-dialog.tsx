import { NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../shared/api/client.ts';
import { useChangeModels } from '../../shared/api/operation.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';

/** Orders a model from a hub. */
export function PullDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const [repository, setRepository] = useState('Tongyi-MAI/Z-Image-Turbo');
  const [source, setSource] = useState<'huggingface' | 'modelscope'>('huggingface');
  const [revision, setRevision] = useState('');
  const pull = useChangeModels(() =>
    client.pullModel({
      repository: repository.trim(),
      source,
      ...(revision.trim() === '' ? {} : { revision: revision.trim() }),
    }),
  );
  return (
    <FormDialog
      title={t('operation.pull')}
      action={t('operation.pullIt')}
      error={pull.error}
      isSending={pull.isPending}
      isDisabled={repository.trim() === ''}
      onSend={() => pull.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('operation.pullHelp')}</p>
      <TextInput
        label={t('operation.repository')}
        maxLength={200}
        spellCheck={false}
        value={repository}
        onChange={({ currentTarget }) => setRepository(currentTarget.value)}
      />
      <NativeSelect
        label={t('operation.source')}
        value={source}
        data={[
          { value: 'huggingface', label: 'Hugging Face' },
          { value: 'modelscope', label: 'ModelScope' },
        ]}
        onChange={({ currentTarget }) => setSource(currentTarget.value as 'huggingface' | 'modelscope')}
      />
      <TextInput
        label={t('operation.revision')}
        maxLength={100}
        spellCheck={false}
        value={revision}
        onChange={({ currentTarget }) => setRevision(currentTarget.value)}
      />
    </FormDialog>
  );
}
