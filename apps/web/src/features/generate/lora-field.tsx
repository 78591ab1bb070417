import type { Lora } from '@imagemill/api';
import { Button, NativeSelect } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useLoras, useUploadLora } from '../../shared/api/loras.ts';
import { useCan } from '../../shared/api/session.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { FilePicker } from '../../shared/ui/file-picker.tsx';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CloseIcon } from '../../shared/ui/icons.tsx';
import { NumberField } from '../../shared/ui/number-field.tsx';
import type { Draft } from './draft.ts';
import styles from './lora-field.module.css';

interface LoraFieldProps {
  readonly draft: Draft;
  /** Name of the model that is drawn with. */
  readonly model: string | undefined;
  readonly onChange: (change: Partial<Draft>) => void;
}

/** The adapters to draw with, how strongly, and the words that their makers want in the prompt. */
export function LoraField({ draft, model, onChange }: LoraFieldProps): ReactElement {
  const { t } = useTranslation();
  const library = useLoras();
  const upload = useUploadLora();
  const mayUpload = useCan()('loras:manage');
  const chosen = new Set(draft.loras.map(({ name }) => name));
  const offered = library.filter(
    (lora) => lora.state === 'usable' && !chosen.has(lora.name) && (model === undefined || lora.models.includes(model)),
  );
  const add = (name: string): void => onChange({ loras: [...draft.loras, { name, strength: 1 }] });
  return (
    <fieldset className={styles.field}>
      <legend className={styles.label}>{t('compose.loras')}</legend>
      {draft.loras.map(({ name, strength }) => (
        <ChosenLora
          key={name}
          lora={library.find((lora) => lora.name === name)}
          name={name}
          strength={strength}
          prompt={draft.prompt}
          onStrength={(value) =>
            onChange({ loras: draft.loras.map((one) => (one.name === name ? { name, strength: value } : one)) })
          }
          onRemove={() => onChange({ loras: draft.loras.filter((one) => one.name !== name) })}
          onWord={(word) => onChange({ prompt: draft.prompt.trim() === '' ? word : `${draft.prompt.trim()}, ${word}` })}
        />
      ))}
      <div className={styles.add}>
        {offered.length > 0 && draft.loras.length < mostLoras && (
          <NativeSelect
            className={styles.choice ?? ''}
            aria-label={t('compose.addLora')}
            value=""
            data={[{ value: '', label: t('compose.addLora') }, ...offered.map(({ name }) => name)]}
            onChange={({ currentTarget }) => add(currentTarget.value)}
          />
        )}
        {mayUpload && (
          <FilePicker
            label={t('compose.uploadLora')}
            words={upload.isPending ? t('compose.uploadingLora') : t('compose.uploadLora')}
            accept=".safetensors"
            isBusy={upload.isPending}
            onPick={(file) => upload.mutate(file, { onSuccess: ({ name }) => add(name) })}
          />
        )}
      </div>
      {upload.error !== null && <FaultAlert error={upload.error} onDismiss={upload.reset} />}
    </fieldset>
  );
}

/** Adapters of one request. */
const mostLoras = 8;

interface ChosenLoraProps {
  readonly lora: Lora | undefined;
  readonly name: string;
  readonly strength: number;
  readonly prompt: string;
  readonly onStrength: (strength: number) => void;
  readonly onRemove: () => void;
  readonly onWord: (word: string) => void;
}

function ChosenLora(props: ChosenLoraProps): ReactElement {
  const { lora, name, strength, prompt, onStrength, onRemove, onWord } = props;
  const { t } = useTranslation();
  const missing = (lora?.triggerWords ?? []).filter((word) => !prompt.toLowerCase().includes(word.toLowerCase()));
  return (
    <div className={styles.lora}>
      <span className={styles.name}>{name}</span>
      <NumberField
        label={t('compose.loraStrength', { name })}
        value={strength}
        min={-4}
        max={4}
        step={0.1}
        isDecimal
        onChange={(value = 1) => onStrength(value)}
      />
      <IconButton label={t('compose.removeLora', { name })} size={30} onClick={onRemove}>
        <CloseIcon size={15} />
      </IconButton>
      {missing.length > 0 && (
        <p className={styles.words}>
          {t('compose.triggerWords')}
          {missing.map((word) => (
            <Button key={word} size="compact-xs" variant="default" onClick={() => onWord(word)}>
              {word}
            </Button>
          ))}
        </p>
      )}
    </div>
  );
}
