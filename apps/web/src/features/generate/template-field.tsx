import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../../shared/api/session.ts';
import { type TemplateChange, useChangeTemplates, useTemplates } from '../../shared/api/templates.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { builtInTemplates } from './built-in-templates.ts';
import type { Draft } from './draft.ts';
import { type DraftTemplate, fieldsOf, filledPrompt } from './template.ts';
import styles from './template-field.module.css';

interface TemplateFieldProps {
  readonly draft: Draft;
  /** Names of the fields that are to be filled in, once the reader has tried to draw. */
  readonly missing: readonly string[];
  readonly onChange: (change: Partial<Draft>) => void;
}

/** Styles and templates to choose from, the fields they have, and the way to keep one's own. */
export function TemplateField({ draft, missing, onChange }: TemplateFieldProps): ReactElement {
  const { t } = useTranslation();
  const builtIn = builtInTemplates(useLanguage());
  const own = useTemplates();
  const change = useChangeTemplates();
  const mayKeep = useCan()('generations:write');
  const { template, values } = draft;
  const isOwn = own.some(({ name }) => name === template?.name);
  const choose = (key: string): void => {
    const [kind, name] = [key.slice(0, 1), key.slice(1)];
    const found = (kind === 'o' ? own : builtIn).find((one) => one.name === name);
    onChange({ template: found && { name: found.name, prompt: found.prompt, negativePrompt: found.negativePrompt } });
  };
  const fields = fieldsOf(draft);
  return (
    <div className={styles.field}>
      <NativeSelect
        label={t('template.title')}
        value={keyOf(template, isOwn, builtIn)}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        <option value="">{t('template.none')}</option>
        {template !== undefined && keyOf(template, isOwn, builtIn) === '?' && (
          <option value="?">{template.name}</option>
        )}
        <optgroup label={t('template.builtIn')}>
          {builtIn.map(({ name }) => (
            <option key={name} value={`b${name}`}>
              {name}
            </option>
          ))}
        </optgroup>
        {own.length > 0 && (
          <optgroup label={t('template.own')}>
            {own.map(({ name }) => (
              <option key={name} value={`o${name}`}>
                {name}
              </option>
            ))}
          </optgroup>
        )}
      </NativeSelect>
      {fields.length > 0 && (
        <div className={styles.fields}>
          {fields.map((name) => (
            <TextInput
              key={name}
              label={name}
              value={values[name] ?? ''}
              maxLength={2_000}
              error={missing.includes(name) ? t('template.fillIn') : undefined}
              onChange={({ currentTarget }) => onChange({ values: { ...values, [name]: currentTarget.value } })}
            />
          ))}
        </div>
      )}
      {(template !== undefined || fields.length > 0) && <p className={styles.filled}>{filledPrompt(draft)}</p>}
      {mayKeep && <Keep draft={draft} isOwn={isOwn} onKeep={change.mutate} onChange={onChange} />}
      {change.error !== null && <FaultAlert error={change.error} onDismiss={change.reset} />}
    </div>
  );
}

/** Which entry stands for a template; `?` for one that was forgotten since, or is of the other language. */
function keyOf(template: DraftTemplate | undefined, isOwn: boolean, builtIn: readonly DraftTemplate[]): string {
  if (template === undefined) return '';
  if (isOwn) return `o${template.name}`;
  return builtIn.some(({ name }) => name === template.name) ? `b${template.name}` : '?';
}

function Keep(props: {
  readonly draft: Draft;
  readonly isOwn: boolean;
  readonly onKeep: (change: TemplateChange) => void;
  readonly onChange: (change: Partial<Draft>) => void;
}): ReactElement {
  const { t } = useTranslation();
  const { draft, isOwn, onKeep, onChange } = props;
  const [name, setName] = useState<string>();
  const keep = (): void => {
    const title = name?.trim() ?? '';
    if (title === '') return;
    const template = {
      prompt: draft.prompt.trim(),
      negativePrompt: draft.isNegativePromptShown ? draft.negativePrompt : '',
    };
    onKeep({ name: title, template });
    onChange({ template: { ...template, name: title }, prompt: '' });
    setName(undefined);
  };
  if (name === undefined) {
    return (
      <div className={styles.actions}>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          disabled={draft.prompt.trim() === ''}
          onClick={() => setName('')}
        >
          {t('template.keep')}
        </Button>
        {isOwn && draft.template !== undefined && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            onClick={() => {
              onKeep({ name: draft.template?.name ?? '' });
              onChange({ template: undefined });
            }}
          >
            {t('template.forget')}
          </Button>
        )}
      </div>
    );
  }
  return (
    <div className={styles.keep}>
      <TextInput
        label={t('template.name')}
        value={name}
        maxLength={80}
        description={t('template.keepHelp', { example: '{{…}}' })}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
        onKeyDown={(event) => {
          if ((event.key !== 'Enter' && event.key !== 'Escape') || event.nativeEvent.isComposing) return;
          // Taken here: elsewhere Escape cancels what is drawn.
          event.preventDefault();
          if (event.key === 'Enter') keep();
          else setName(undefined);
        }}
      />
      <div className={styles.actions}>
        <Button size="compact-sm" disabled={name.trim() === ''} onClick={keep}>
          {t('template.save')}
        </Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setName(undefined)}>
          {t('mask.cancel')}
        </Button>
      </div>
    </div>
  );
}
