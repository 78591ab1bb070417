import type { Generation, Model, PictureFormat } from '@imagemill/api';
import { Button, SegmentedControl } from '@mantine/core';
import { type ReactElement, useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSubmitGeneration } from '../../shared/api/generations.ts';
import { useModels } from '../../shared/api/system.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { FilePicker } from '../../shared/ui/file-picker.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import { NumberField } from '../../shared/ui/number-field.tsx';
import { useIsLong } from '../../shared/ui/use-is-long.ts';
import { isApple, isCtrlEnter, useShortcut } from '../../shared/ui/use-shortcut.ts';
import styles from './composer.module.css';
import { clampWhole, type Draft, modelOfDraft, requestOfDraft } from './draft.ts';
import { type DraftStore, useDraft } from './draft-store.ts';
import { LoraField } from './lora-field.tsx';
import { ModelField } from './model-field.tsx';
import { PromptField } from './prompt-field.tsx';
import { rememberPrompt } from './prompt-history.ts';
import { RecallNote } from './recall-note.tsx';
import { ReferenceField } from './reference-field.tsx';
import { SeedField } from './seed-field.tsx';
import { SizeField } from './size-field.tsx';
import { StepsField } from './steps-field.tsx';
import { emptyFieldsOf, filledNegativePrompt, filledPrompt, needsPrompt } from './template.ts';
import { TemplateField } from './template-field.tsx';
import type { RecallFile } from './use-recall-file.ts';
import { useReference } from './use-reference.ts';

interface ComposerProps {
  readonly store: DraftStore;
  readonly recall: RecallFile;
  readonly lastSeed: number | undefined;
  /** The server has accepted a generation. */
  readonly onAccepted: (generation: Generation) => void;
}

/** The form that a generation is set up and handed in with. */
export function Composer({ store, recall, lastSeed, onAccepted }: ComposerProps): ReactElement {
  const { t } = useTranslation();
  const { announce } = useMessages();
  const draft = useDraft(store);
  const models = useModels();
  const model = modelOfDraft(draft, models);
  const submit = useSubmitGeneration();
  const isSlow = useIsLong(submit.isPending, slowMs);
  const reference = useReference(store, model);
  const promptRef = useRef<HTMLTextAreaElement>(null);
  const [hasTried, setHasTried] = useState(false);
  const promptProblem = usePromptProblem(draft, model);

  const missing = emptyFieldsOf(draft);

  const send = (): void => {
    setHasTried(true);
    if (promptProblem !== undefined) promptRef.current?.focus();
    else if (missing.length > 0) setTimeout(focusFirstMissing);
    if (promptProblem !== undefined || missing.length > 0 || submit.isPending) return;
    const written = store.get().prompt;
    submit.mutate(requestOfDraft(store.get(), model), {
      onSuccess: (generation) => {
        setHasTried(false);
        if (written.trim() !== '') rememberPrompt(written);
        announce(t('announce.accepted', { count: generation.count }));
        onAccepted(generation);
      },
    });
  };
  useShortcut(isCtrlEnter, send);

  return (
    <form
      className={styles.composer}
      aria-label={t('compose.title')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className={styles.fields}>
        <RecallNote recall={recall} onReference={reference.load} />
        <PromptField
          draft={draft}
          model={model}
          promptRef={promptRef}
          problem={hasTried ? promptProblem : undefined}
          onChange={store.update}
        />
        <TemplateField draft={draft} missing={hasTried ? missing : []} onChange={store.update} />
        <FilePicker
          label={t('recall.choose')}
          words={recall.isReading ? t('recall.reading') : t('recall.choose')}
          accept="image/png,image/jpeg,image/webp"
          isBusy={recall.isReading}
          onPick={recall.read}
        />
        <ReferenceField draft={draft} upload={reference} onChange={store.update} />
        <LoraField draft={draft} model={model?.name} onChange={store.update} />
        {model !== undefined && <SizeField draft={draft} model={model} onChange={store.update} />}
        <Settings draft={draft} model={model} models={models} lastSeed={lastSeed} onChange={store.update} />
      </div>
      <div className={styles.foot}>
        {submit.error !== null && <FaultAlert error={submit.error} onRetry={send} onDismiss={submit.reset} />}
        {isSlow && (
          <p className={styles.slow} role="status">
            {t('compose.slow')}
          </p>
        )}
        <DrawButton count={draft.count} isSending={submit.isPending} />
      </div>
    </form>
  );
}

/** Once it is marked. */
function focusFirstMissing(): void {
  document.querySelector<HTMLElement>('form input[aria-invalid=true]')?.focus();
}

/** A request without an answer for this long is said to be slow. */
const slowMs = 4_000;

function usePromptProblem(draft: Draft, model: Model | undefined): string | undefined {
  const { t } = useTranslation();
  if (needsPrompt(draft) && draft.prompt.trim() === '') return t('compose.promptMissing');
  const max = model?.maxPromptLength ?? Number.POSITIVE_INFINITY;
  const length = Math.max(filledPrompt(draft).length, filledNegativePrompt(draft).length);
  return length > max ? t('compose.promptTooLong', { length, max }) : undefined;
}

interface SettingsProps {
  readonly draft: Draft;
  readonly model: Model | undefined;
  readonly models: readonly Model[];
  readonly lastSeed: number | undefined;
  readonly onChange: (change: Partial<Draft>) => void;
}

function Settings({ draft, model, models, lastSeed, onChange }: SettingsProps): ReactElement {
  const { t } = useTranslation();
  const maxCount = model?.maxCount ?? 100;
  return (
    <div className={styles.settings}>
      <div className={styles.wide}>
        <StepsField draft={draft} model={model} onChange={onChange} />
      </div>
      <NumberField
        label={t('compose.count')}
        value={clampWhole(draft.count, 1, maxCount)}
        min={1}
        max={maxCount}
        onChange={(count = 1) => onChange({ count })}
      />
      <div>
        <SeedField seed={draft.seed} lastSeed={lastSeed} onChange={onChange} />
      </div>
      <div className={styles.wide}>
        <FormatField format={draft.format} onChange={onChange} />
      </div>
      {model !== undefined && <ModelField draft={draft} model={model} models={models} onChange={onChange} />}
    </div>
  );
}

const formats: readonly { readonly value: PictureFormat; readonly label: string }[] = [
  { value: 'png', label: 'PNG' },
  { value: 'jpeg', label: 'JPEG' },
  { value: 'webp', label: 'WebP' },
];

function FormatField(props: {
  readonly format: PictureFormat;
  readonly onChange: (change: { readonly format: PictureFormat }) => void;
}): ReactElement {
  const { t } = useTranslation();
  const labelId = useId();
  return (
    <div className={styles.stack}>
      <span id={labelId} className={styles.label}>
        {t('compose.format')}
      </span>
      <SegmentedControl
        aria-labelledby={labelId}
        fullWidth
        value={props.format}
        data={[...formats]}
        onChange={(format) => props.onChange({ format })}
      />
    </div>
  );
}

function DrawButton({ count, isSending }: { readonly count: number; readonly isSending: boolean }): ReactElement {
  const { t } = useTranslation();
  const words = count > 1 ? t('compose.drawMany', { count }) : t('compose.draw');
  return (
    <Button
      type="submit"
      size="md"
      fullWidth
      aria-keyshortcuts={isApple ? 'Meta+Enter' : 'Control+Enter'}
      data-sending={isSending || undefined}
      rightSection={
        <span className={styles.keys} aria-hidden="true">
          {isApple ? '⌘ ↵' : 'Ctrl ↵'}
        </span>
      }
    >
      {isSending ? t('compose.sending') : words}
    </Button>
  );
}
