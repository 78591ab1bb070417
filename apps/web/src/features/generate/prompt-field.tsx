import type { Model } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, type RefObject, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CloseIcon, PlusIcon } from '../../shared/ui/icons.tsx';
import { NumberField } from '../../shared/ui/number-field.tsx';
import type { Draft } from './draft.ts';
import styles from './prompt-field.module.css';
import { readPrompts, stepThrough } from './prompt-history.ts';

interface PromptFieldProps {
  readonly draft: Draft;
  readonly model: Model | undefined;
  readonly promptRef: RefObject<HTMLTextAreaElement | null>;
  /** Why the prompt cannot be sent, once the reader has tried to. */
  readonly problem: string | undefined;
  readonly onChange: (change: Partial<Draft>) => void;
}

/** The prompt and, when asked for, the negative prompt with the guidance it needs. */
export function PromptField({ draft, model, promptRef, problem, onChange }: PromptFieldProps): ReactElement {
  const { t } = useTranslation();
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={styles.label}>
        {t('compose.prompt')}
      </label>
      <div className={styles.box} data-invalid={problem !== undefined || undefined}>
        <textarea
          ref={promptRef}
          id={id}
          className={styles.prompt}
          rows={4}
          value={draft.prompt}
          placeholder={t('compose.promptPlaceholder')}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : `${id}-problem`}
          aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown"
          onChange={(event) => onChange({ prompt: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
            event.preventDefault();
            const prompt = stepThrough(readPrompts(), draft.prompt, event.key === 'ArrowUp' ? 1 : -1);
            if (prompt !== undefined) onChange({ prompt });
          }}
        />
        {draft.isNegativePromptShown ? (
          <NegativePrompt draft={draft} model={model} onChange={onChange} />
        ) : (
          <div className={styles.more}>
            <Button
              variant="subtle"
              color="gray"
              size="compact-sm"
              leftSection={<PlusIcon size={14} />}
              onClick={() => onChange({ isNegativePromptShown: true })}
            >
              {t('compose.addNegativePrompt')}
            </Button>
          </div>
        )}
      </div>
      {problem !== undefined && (
        <p id={`${id}-problem`} className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function NegativePrompt(props: Pick<PromptFieldProps, 'draft' | 'model' | 'onChange'>): ReactElement {
  const { draft, model, onChange } = props;
  const { t } = useTranslation();
  const id = useId();
  return (
    <div className={styles.negative}>
      <div className={styles.negativeHead}>
        <label htmlFor={id} className={styles.label}>
          {t('compose.negativePrompt')}
        </label>
        <IconButton
          label={t('compose.removeNegativePrompt')}
          size={26}
          onClick={() => onChange({ isNegativePromptShown: false })}
        >
          <CloseIcon size={15} />
        </IconButton>
      </div>
      <textarea
        id={id}
        className={styles.prompt}
        rows={2}
        value={draft.negativePrompt}
        placeholder={t('compose.negativePromptPlaceholder')}
        onChange={(event) => onChange({ negativePrompt: event.currentTarget.value })}
      />
      <div className={styles.guidance}>
        <NumberField
          label={t('compose.guidance')}
          value={draft.guidanceScale ?? model?.defaultGuidanceScale}
          min={0}
          max={model?.maxGuidanceScale ?? 30}
          step={0.5}
          isDecimal
          describedBy={`${id}-help`}
          onChange={(guidanceScale) => onChange({ guidanceScale })}
        />
        <p id={`${id}-help`} className={styles.help}>
          {t('compose.guidanceHelp')}
        </p>
      </div>
    </div>
  );
}
