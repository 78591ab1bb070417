import type { Model } from '@imagemill/api';
import { NativeSelect } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { type Draft, modelNameOf } from './draft.ts';
import styles from './model-field.module.css';

interface ModelFieldProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly models: readonly Model[];
  readonly onChange: (change: Partial<Draft>) => void;
}

/** Which model draws, and how its weights are held, where there is a choice. */
export function ModelField({ draft, model, models, onChange }: ModelFieldProps): ReactElement | null {
  const { t } = useTranslation();
  if (models.length <= 1 && model.precisions.length <= 1) return null;
  return (
    <div className={styles.field}>
      {models.length > 1 && (
        <NativeSelect
          label={t('compose.model')}
          value={model.name}
          data={models.map(({ name, state }) => ({ value: name, label: name, disabled: state === 'unusable' }))}
          onChange={(event) => onChange({ model: event.currentTarget.value, width: undefined, height: undefined })}
        />
      )}
      {model.precisions.length > 1 && (
        <NativeSelect
          label={t('compose.precision')}
          value={modelNameOf(draft, model)}
          data={model.precisions.map(({ name, precision, isDefault }) => ({
            value: isDefault ? model.name : name,
            label: isDefault ? t('compose.precisionDefault', { precision }) : precision,
          }))}
          onChange={(event) => onChange({ model: event.currentTarget.value })}
        />
      )}
    </div>
  );
}
