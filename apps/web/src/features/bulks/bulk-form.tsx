import type { Bulk, PictureFormat } from '@imagemill/api';
import { Button, NativeSelect } from '@mantine/core';
import { type ReactElement, useId, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useModels } from '../../shared/api/system.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { NumberField } from '../../shared/ui/number-field.tsx';
import type { BulkDraft } from './bulk-draft.ts';
import styles from './bulk-form.module.css';

interface BulkFormProps {
  readonly draft: BulkDraft;
  readonly columns: readonly string[];
  readonly earlier: readonly Bulk[];
  readonly onChange: (change: Partial<BulkDraft>) => void;
}

/** The template of the prompts, and what holds for rows that say nothing of their own. */
export function BulkForm({ draft, columns, earlier, onChange }: BulkFormProps): ReactElement {
  const { t } = useTranslation();
  const model = useModels().find(({ isDefault }) => isDefault);
  const side = { min: model?.minSide ?? 1, max: model?.maxSide ?? 16_384, step: model?.grain ?? 16 };
  return (
    <>
      <TemplateField draft={draft} columns={columns} onChange={onChange} />
      <div className={styles.settings}>
        <NumberField
          label={t('compose.width')}
          value={draft.width}
          {...side}
          placeholder={String(model?.nativeWidth ?? '')}
          onChange={(width) => onChange({ width })}
        />
        <NumberField
          label={t('compose.height')}
          value={draft.height}
          {...side}
          placeholder={String(model?.nativeHeight ?? '')}
          onChange={(height) => onChange({ height })}
        />
        <NumberField
          label={t('compose.steps')}
          value={draft.steps}
          min={1}
          max={model?.maxSteps ?? 100}
          placeholder={String(model?.defaultSteps ?? '')}
          onChange={(steps) => onChange({ steps })}
        />
        <NumberField
          label={t('bulks.countPerRow')}
          value={draft.count}
          min={1}
          max={model?.maxCount ?? 100}
          placeholder="1"
          onChange={(count) => onChange({ count })}
        />
        <NumberField
          label={t('compose.seed')}
          value={draft.seed}
          min={0}
          max={4_294_967_295}
          onChange={(seed = 0) => onChange({ seed })}
        />
        <NativeSelect
          label={t('compose.format')}
          value={draft.format}
          data={[...formats]}
          onChange={({ currentTarget }) => onChange({ format: currentTarget.value as PictureFormat })}
        />
        {earlier.length > 0 && <EarlierField draft={draft} earlier={earlier} onChange={onChange} />}
      </div>
    </>
  );
}

const formats = [
  { value: 'png', label: 'PNG' },
  { value: 'jpeg', label: 'JPEG' },
  { value: 'webp', label: 'WebP' },
] as const;

function TemplateField({ draft, columns, onChange }: Omit<BulkFormProps, 'earlier'>): ReactElement {
  const { t } = useTranslation();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const insert = (column: string): void => {
    const { selectionStart = draft.template.length, selectionEnd = draft.template.length } = field.current ?? {};
    const { template } = draft;
    onChange({ template: `${template.slice(0, selectionStart)}{{${column}}}${template.slice(selectionEnd)}` });
    field.current?.focus();
  };
  return (
    <div className={styles.template}>
      <label htmlFor={id} className={styles.label}>
        {t('bulks.template')}
      </label>
      <textarea
        ref={field}
        id={id}
        className={styles.text}
        rows={2}
        maxLength={4_000}
        value={draft.template}
        placeholder={t('bulks.templatePlaceholder')}
        aria-describedby={`${id}-help`}
        onChange={({ currentTarget }) => onChange({ template: currentTarget.value })}
      />
      <p id={`${id}-help`} className={styles.help}>
        {t('bulks.templateHelp')}
      </p>
      <div className={styles.columns}>
        {columns.map((column) => (
          <Button key={column} size="compact-xs" variant="default" onClick={() => insert(column)}>
            {`{{${column}}}`}
          </Button>
        ))}
      </div>
    </div>
  );
}

function EarlierField({ draft, earlier, onChange }: Omit<BulkFormProps, 'columns'>): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  return (
    <NativeSelect
      label={t('bulks.unchangedSince')}
      value={draft.unchangedSince ?? ''}
      data={[
        { value: '', label: t('bulks.drawAll') },
        ...earlier.map(({ id, name, createdAt }) => ({
          value: id,
          label: `${name} · ${formatDateTime(language, createdAt)}`,
        })),
      ]}
      onChange={({ currentTarget: { value } }) => onChange({ unchangedSince: value === '' ? undefined : value })}
    />
  );
}
