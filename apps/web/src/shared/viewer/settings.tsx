import type { Warning } from '@imagemill/api';
import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../api/session.ts';
import type { RecallPart } from '../recall.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { CopyIcon, DownloadIcon, LockIcon, PictureIcon, ReuseIcon } from '../ui/icons.tsx';
import { useMessages } from '../ui/live-region.tsx';
import type { ShownPicture } from './pictures.ts';
import { savePicture } from './save-picture.ts';
import styles from './settings.module.css';
import { useFacts } from './use-facts.ts';

interface SettingsProps {
  readonly picture: ShownPicture;
  readonly onRecall: (part: RecallPart) => void;
  readonly onReference: () => void;
  readonly onRemoveTag: (tag: string) => void;
}

/** Where a picture comes from, all of it, and what can be done with it. */
export function Settings({ picture, onRecall, onReference, onRemoveTag }: SettingsProps): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const can = useCan();
  const isOwn = picture.tenant === undefined;
  const save = (): Promise<void> => savePicture(picture).catch(() => notify(t('viewer.downloadFailed')));
  return (
    <div className={styles.settings}>
      <section className={styles.text}>
        <div className={styles.head}>
          <h2 className={styles.title}>{t('viewer.prompt')}</h2>
          <CopyButton text={picture.prompt} />
        </div>
        <p className={styles.prompt}>{picture.prompt}</p>
        {picture.negativePrompt !== '' && (
          <>
            <h2 className={styles.title}>{t('viewer.negativePrompt')}</h2>
            <p className={styles.prompt}>{picture.negativePrompt}</p>
          </>
        )}
        <Warnings warnings={picture.warnings ?? []} />
        <Tags tags={picture.tags ?? []} onRemove={isOwn && can('assets:write') ? onRemoveTag : undefined} />
      </section>
      <dl className={styles.facts}>
        {useFacts(picture).map(([name, value]) => (
          <div key={name} className={styles.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={styles.actions}>
        <Button leftSection={<DownloadIcon />} className={styles.wide ?? ''} onClick={() => void save()}>
          {t('viewer.download')}
        </Button>
        {can('generations:write') && (
          <>
            <Button variant="default" leftSection={<ReuseIcon size={16} />} onClick={() => onRecall('remix')}>
              {t('viewer.reuse')}
            </Button>
            <Button variant="default" leftSection={<LockIcon size={16} />} onClick={() => onRecall('all')}>
              {t('viewer.sameSeed')}
            </Button>
            {isOwn && (
              <Button
                variant="default"
                className={styles.wide ?? ''}
                leftSection={<PictureIcon size={16} />}
                onClick={onReference}
              >
                {t('viewer.drawFrom')}
              </Button>
            )}
          </>
        )}
      </div>
    </div>
  );
}

/** What was done another way than asked, in the reader's language where its code is known. */
function Warnings({ warnings }: { readonly warnings: readonly Warning[] }): ReactElement | null {
  const { t } = useTranslation();
  if (warnings.length === 0) return null;
  return (
    <ul className={styles.warnings} aria-label={t('viewer.warnings')}>
      {warnings.map(({ code, message }) => (
        <li key={`${code} ${message}`}>{t(`warnings.${code}`, { defaultValue: message })}</li>
      ))}
    </ul>
  );
}

function Tags(props: {
  readonly tags: readonly string[];
  /** Undefined for who may not change pictures. */
  readonly onRemove: ((tag: string) => void) | undefined;
}): ReactElement | null {
  const { t } = useTranslation();
  const { tags, onRemove } = props;
  if (tags.length === 0) return null;
  return (
    <ul className={styles.tags} aria-label={t('gallery.tags')}>
      {tags.map((tag) => (
        <li key={tag} className={styles.tag}>
          {tag}
          {onRemove !== undefined && (
            <button
              type="button"
              className={styles.remove}
              aria-label={t('gallery.removeTag', { tag })}
              onClick={() => onRemove(tag)}
            >
              ×
            </button>
          )}
        </li>
      ))}
    </ul>
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
