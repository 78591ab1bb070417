import type { Lora } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../shared/api/client.ts';
import { useLoras, useUploadLora } from '../../shared/api/loras.ts';
import { useChangeModels } from '../../shared/api/operation.ts';
import { formatBytes } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';
import { Notice } from '../../shared/ui/notice.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import styles from './loras-part.module.css';

/** LoRA adapters: what is there, with the words their makers want in the prompt; uploads come and go. */
export function LorasPart(): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const loras = useLoras();
  const upload = useUploadLora();
  const file = useRef<HTMLInputElement>(null);
  const [removed, setRemoved] = useState<Lora>();
  return (
    <Section
      isTitleHidden
      title={t('compose.loras')}
      help={t('operation.lorasHelp')}
      action={
        <>
          <input
            ref={file}
            hidden
            type="file"
            accept=".safetensors"
            aria-label={t('compose.uploadLora')}
            onChange={({ currentTarget }) => {
              const picked = currentTarget.files?.[0];
              currentTarget.value = '';
              if (picked !== undefined) upload.mutate(picked);
            }}
          />
          <Button disabled={upload.isPending} onClick={() => file.current?.click()}>
            {upload.isPending ? t('compose.uploadingLora') : t('compose.uploadLora')}
          </Button>
        </>
      }
    >
      {upload.error !== null && <FaultAlert error={upload.error} onDismiss={upload.reset} />}
      <DataTable
        label={t('compose.loras')}
        columns={[
          t('operation.name'),
          t('operation.state'),
          t('operation.triggerWords'),
          t('operation.fits'),
          t('operation.fileSize'),
          t('operation.actions'),
        ]}
        empty={loras.length === 0 ? t('operation.noLoras') : undefined}
      >
        {loras.map((lora) => (
          <tr key={lora.name}>
            <th scope="row">
              {lora.name}
              {lora.description !== undefined && <p className={styles.help}>{lora.description}</p>}
            </th>
            <td>
              <StateBadge
                tone={lora.state === 'usable' ? 'good' : 'danger'}
                words={lora.state === 'usable' ? t('operation.usable') : t('operation.model.unusable')}
              />
              {[lora.problem, ...lora.warnings].map(
                (notice) => notice && <Notice key={notice.message} notice={notice} />,
              )}
            </td>
            <td>{lora.triggerWords.join(', ') || '–'}</td>
            <td>{lora.models.join(', ') || '–'}</td>
            <td>{formatBytes(language, lora.sizeBytes)}</td>
            <td>
              {lora.origin === 'upload' && (
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={t('operation.deleteLora', { name: lora.name })}
                  onClick={() => setRemoved(lora)}
                >
                  {t('gallery.remove')}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </DataTable>
      {removed !== undefined && <RemoveDialog lora={removed} onClose={() => setRemoved(undefined)} />}
    </Section>
  );
}

function RemoveDialog({ lora, onClose }: { readonly lora: Lora; readonly onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const remove = useChangeModels(() => client.deleteLora(lora.name));
  return (
    <FormDialog
      title={t('operation.deleteLora', { name: lora.name })}
      action={t('gallery.remove')}
      isDangerous
      error={remove.error}
      isSending={remove.isPending}
      onSend={() => remove.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>{t('operation.removeLoraHelp')}</p>
    </FormDialog>
  );
}
