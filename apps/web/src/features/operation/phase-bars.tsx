import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatDuration } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import type { PhaseTimes } from './measure.ts';
import styles from './phase-bars.module.css';

/** Where the time of a picture goes, as one bar of parts; the table beside it has the numbers. */
export function PhaseBars({ phases }: { readonly phases: readonly PhaseTimes[] }): ReactElement | null {
  const { t } = useTranslation();
  const language = useLanguage();
  const parts = phases.filter(({ phase }) => phase !== 'totalMs');
  const total = parts.reduce((sum, { medianMs }) => sum + medianMs, 0);
  if (total === 0) return null;
  let before = 0;
  const words = parts.map(
    ({ phase, medianMs }) => `${t(`operation.phases.${phase}`)} ${formatDuration(language, medianMs)}`,
  );
  return (
    <svg
      className={styles.bars}
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={words.join(', ')}
    >
      {parts.map(({ phase, medianMs }, index) => {
        const x = (before / total) * 100;
        before += medianMs;
        return (
          <rect
            key={phase}
            className={styles.part}
            data-tone={index}
            x={x}
            y={0}
            width={(medianMs / total) * 100}
            height={10}
          >
            <title>{words[index]}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** The colour that stands for a phase in the bar, beside its name. */
export function PhaseSwatch({ index }: { readonly index: number }): ReactElement {
  return (
    <svg className={styles.swatch} viewBox="0 0 10 10" aria-hidden="true">
      <rect className={styles.part} data-tone={index} width={10} height={10} rx={2} />
    </svg>
  );
}
