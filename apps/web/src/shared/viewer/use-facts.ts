import { useTranslation } from 'react-i18next';
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../format/format.ts';
import { useLanguage } from '../i18n/use-language.ts';
import type { ShownPicture } from './pictures.ts';

type Fact = readonly [name: string, value: string];

/** Names and values of what a picture was drawn with, the settings first and the fingerprint of its file last. */
export function useFacts(picture: ShownPicture): readonly Fact[] {
  const { t } = useTranslation();
  const language = useLanguage();
  const { asset, timings, loras, image, mask } = picture;
  const score = picture.quality?.measures.aesthetic;
  const number = (value: number): string => formatNumber(language, value);
  const drawnIn: Fact[] =
    timings === undefined
      ? []
      : [
          [t('viewer.drawnIn'), formatDuration(language, timings.totalMs - timings.queueMs)],
          [t('viewer.waited'), formatDuration(language, timings.queueMs)],
        ];
  const adapters = loras.map(({ name, strength, sha256 }) => `${name} × ${number(strength)} (${sha256.slice(0, 12)})`);
  return [
    [t('viewer.size'), `${number(asset.width)} × ${number(asset.height)}`],
    [t('viewer.seed'), String(picture.seed)],
    [t('viewer.steps'), number(picture.steps)],
    ...(picture.guidanceScale > 0 ? [[t('viewer.guidance'), number(picture.guidanceScale)] as const] : []),
    [t('viewer.model'), picture.model],
    ...(adapters.length > 0 ? [[t('gallery.lora'), adapters.join(', ')] as const] : []),
    ...(image === undefined
      ? []
      : [
          [
            t('viewer.drawnFrom'),
            t(mask === undefined ? 'viewer.byStrength' : 'viewer.byStrengthMasked', {
              strength: image.strength,
              hash: image.sha256.slice(0, 12),
            }),
          ] as const,
        ]),
    [
      t('viewer.file'),
      `${asset.mediaType.replace('image/', '').toUpperCase()} · ${formatBytes(language, asset.sizeBytes)}`,
    ],
    ...drawnIn,
    ...(score === undefined ? [] : [[t('viewer.score'), number(Math.round(score * 100) / 100)] as const]),
    ...(picture.tenant === undefined ? [] : [[t('administration.tenant'), picture.tenant] as const]),
    [t('viewer.created'), formatDateTime(language, picture.createdAt)],
    ['SHA-256', asset.sha256],
  ];
}
