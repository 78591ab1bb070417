import type { Model } from '@imagemill/api';
import { type ReactElement, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { SwapIcon } from '../../shared/ui/icons.tsx';
import { NumberField } from '../../shared/ui/number-field.tsx';
import { type Draft, sizeLimitsOf, sizeOfDraft } from './draft.ts';
import styles from './size-field.module.css';
import { type AspectRatio, aspectRatioOf, aspectRatios, fitSize, sizeForAspectRatio } from './size-rules.ts';

interface SizeFieldProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly onChange: (change: Partial<Draft>) => void;
}

/** Aspect ratios as chips, and the exact size beside them. */
export function SizeField({ draft, model, onChange }: SizeFieldProps): ReactElement {
  const { t } = useTranslation();
  const hintId = useId();
  const limits = sizeLimitsOf(model);
  const size = sizeOfDraft(draft, model);
  const { min, max, grain } = { min: model.minSide, max: model.maxSide, grain: model.grain };
  const hasPixelLimit = model.maxPixels < model.maxSide * model.maxSide;
  return (
    <fieldset className={styles.field}>
      <legend className={styles.legend}>{t('compose.size')}</legend>
      <AspectChips
        chosen={aspectRatioOf(size, limits)}
        onChoose={(ratio) => onChange(sizeForAspectRatio(ratio, limits))}
      />
      <div className={styles.sides}>
        <NumberField
          label={t('compose.width')}
          value={size.width}
          min={min}
          max={max}
          step={grain}
          describedBy={hintId}
          onChange={(width) => onChange({ width })}
          onLeave={() => onChange(size)}
        />
        <IconButton label={t('compose.swapSides')} onClick={() => onChange({ width: size.height, height: size.width })}>
          <SwapIcon />
        </IconButton>
        <NumberField
          label={t('compose.height')}
          value={size.height}
          min={min}
          max={max}
          step={grain}
          describedBy={hintId}
          onChange={(height) => onChange({ height })}
          onLeave={() => onChange(fitSize({ ...size, height: draft.height ?? size.height }, limits, 'height'))}
        />
      </div>
      <p id={hintId} className={styles.hint}>
        {t('compose.sizeLimits', { min, max, grain })}
        {hasPixelLimit && ` · ${t('compose.sizePixels', { megapixels: model.maxPixels / 1e6 })}`}
      </p>
    </fieldset>
  );
}

interface AspectChipsProps {
  readonly chosen: AspectRatio | undefined;
  readonly onChoose: (ratio: AspectRatio) => void;
}

function AspectChips({ chosen, onChoose }: AspectChipsProps): ReactElement {
  const { t } = useTranslation();
  const name = useId();
  return (
    <div className={styles.chips} role="radiogroup" aria-label={t('compose.aspectRatio')}>
      {aspectRatios.map((ratio) => (
        <label key={ratio.id} className={styles.chip}>
          <input type="radio" name={name} checked={ratio === chosen} onChange={() => onChoose(ratio)} />
          <span className={styles.shape} data-tall={ratio.across <= ratio.down || undefined}>
            <span style={{ aspectRatio: `${ratio.across} / ${ratio.down}` }} />
          </span>
          {ratio.id}
        </label>
      ))}
    </div>
  );
}
