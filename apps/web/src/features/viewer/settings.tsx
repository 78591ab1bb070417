import { Button } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../../shared/api/session.ts';
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CopyIcon, DownloadIcon, LockIcon, ReuseIcon } from '../../shared/ui/icons.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import type { Picture } from './pictures.ts';
import { savePicture } from './save-picture.ts';
import styles from './settings.module.css';

interface SettingsProps {
  readonly picture: Picture;
  /** Takes the settings over, with this picture's seed if one is given. */
  readonly onReuse: (seed?: number) => void;
}

/** How a picture was drawn, and what can be done with it. */
export function Settings({ picture, onReuse }: SettingsProps): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const canDraw = useCan()('generations:write');
  const { generation, job } = picture;
  const save = (): Promise<void> => savePicture(picture).catch(() => notify(t('viewer.downloadFailed')));
  return (
    <div className={styles.settings}>
      <section className={styles.text}>
        <div className={styles.head}>
          <h2 className={styles.title}>{t('viewer.prompt')}</h2>
          <CopyButton text={generation.prompt} />
        </div>
        <p className={styles.prompt}>{generation.prompt}</p>
        {generation.negativePrompt !== '' && (
          <>
            <h2 className={styles.title}>{t('viewer.negativePrompt')}</h2>
            <p className={styles.prompt}>{generation.negativePrompt}</p>
          </>
        )}
      </section>
      <Facts picture={picture} />
      <div className={styles.actions}>
        <Button leftSection={<DownloadIcon />} className={styles.wide ?? ''} onClick={() => void save()}>
          {t('viewer.download')}
        </Button>
        {canDraw && (
          <>
            <Button variant="default" leftSection={<ReuseIcon size={16} />} onClick={() => onReuse()}>
              {t('viewer.reuse')}
            </Button>
            <Button variant="default" leftSection={<LockIcon size={16} />} onClick={() => onReuse(job.seed)}>
              {t('viewer.sameSeed')}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

function Facts({ picture }: { readonly picture: Picture }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { generation, job, asset } = picture;
  const { timings } = job;
  const kind = asset.mediaType.replace('image/', '').toUpperCase();
  return (
    <dl className={styles.facts}>
      <Fact name={t('viewer.size')}>
        {formatNumber(language, asset.width)} × {formatNumber(language, asset.height)}
      </Fact>
      <Fact name={t('viewer.seed')}>{String(job.seed)}</Fact>
      <Fact name={t('viewer.steps')}>{formatNumber(language, generation.steps)}</Fact>
      {generation.guidanceScale > 0 && (
        <Fact name={t('viewer.guidance')}>{formatNumber(language, generation.guidanceScale)}</Fact>
      )}
      <Fact name={t('viewer.model')}>{generation.model}</Fact>
      <Fact name={t('viewer.file')}>
        {kind} · {formatBytes(language, asset.sizeBytes)}
      </Fact>
      {timings !== undefined && (
        <>
          <Fact name={t('viewer.drawnIn')}>{formatDuration(language, timings.totalMs - timings.queueMs)}</Fact>
          <Fact name={t('viewer.waited')}>{formatDuration(language, timings.queueMs)}</Fact>
        </>
      )}
      <Fact name={t('viewer.created')}>{formatDateTime(language, job.finishedAt ?? generation.createdAt)}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function CopyButton({ text }: { readonly text: string }): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      notify(t('viewer.copied'));
    } catch {
      // No clipboard without HTTPS or localhost, or the reader said no.
      notify(t('viewer.copyRefused'));
    }
  };
  return (
    <IconButton label={t('viewer.copyPrompt')} size={30} onClick={() => void copy()}>
      <CopyIcon size={16} />
    </IconButton>
  );
}
