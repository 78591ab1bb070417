import type { Picture } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './provenance.module.css';

interface ProvenanceProps {
  readonly picture: Picture;
  /** Undefined for who may not change pictures. */
  readonly onRemoveTag: ((tag: string) => void) | undefined;
}

/** Where a picture comes from: everything it was drawn with, and the fingerprint of its file. */
export function Provenance({ picture, onRemoveTag }: ProvenanceProps): ReactElement {
  const { t } = useTranslation();
  const { prompt, negativePrompt, tags } = picture;
  return (
    <div className={styles.provenance}>
      <p className={styles.prompt}>{prompt}</p>
      {negativePrompt !== '' && <p className={styles.negative}>{negativePrompt}</p>}
      {tags.length > 0 && (
        <ul className={styles.tags} aria-label={t('gallery.tags')}>
          {tags.map((tag) => (
            <li key={tag} className={styles.tag}>
              {tag}
              {onRemoveTag !== undefined && (
                <button
                  type="button"
                  className={styles.remove}
                  aria-label={t('gallery.removeTag', { tag })}
                  onClick={() => onRemoveTag(tag)}
                >
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <dl className={styles.facts}>
        {useFacts(picture).map(([name, value]) => (
          <div key={name} className={styles.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Names and values of what a picture was drawn with. */
export function useFacts(picture: Picture): readonly (readonly [name: string, value: string])[] {
  const { t } = useTranslation();
  const language = useLanguage();
  const { asset, timings, loras } = picture;
  return [
    [t('viewer.size'), `${formatNumber(language, asset.width)} × ${formatNumber(language, asset.height)}`],
    [t('viewer.seed'), String(picture.seed)],
    [t('viewer.steps'), formatNumber(language, picture.steps)],
    [t('viewer.guidance'), formatNumber(language, picture.guidanceScale)],
    [t('viewer.model'), picture.model],
    [
      t('gallery.lora'),
      loras.map(({ name, strength, sha256 }) => `${name} × ${strength} (${sha256.slice(0, 12)})`).join(', ') || '–',
    ],
    [
      t('viewer.file'),
      `${asset.mediaType.replace('image/', '').toUpperCase()} · ${formatBytes(language, asset.sizeBytes)}`,
    ],
    [t('viewer.drawnIn'), formatDuration(language, timings.totalMs - timings.queueMs)],
    [t('viewer.created'), formatDateTime(language, picture.createdAt)],
    ['SHA-256', asset.sha256],
  ];
}
