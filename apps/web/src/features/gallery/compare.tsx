import type { Picture } from '@imagemill/api';
import { type ReactElement, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import { IconButton } from '../../shared/ui/icon-button.tsx';
import { CloseIcon } from '../../shared/ui/icons.tsx';
import { useFacts } from '../../shared/viewer/use-facts.ts';
import styles from './compare.module.css';

/** Pictures side by side, each with what it was drawn with. */
export function Compare(props: { readonly pictures: readonly Picture[]; readonly onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className={styles.compare} aria-label={t('gallery.compare')} onClose={props.onClose}>
      <div className={styles.close}>
        <IconButton label={t('viewer.close')} onClick={() => dialog.current?.close()}>
          <CloseIcon />
        </IconButton>
      </div>
      <div className={styles.sides}>
        {props.pictures.map((picture) => (
          <Side key={picture.id} picture={picture} />
        ))}
      </div>
    </dialog>
  );
}

function Side({ picture }: { readonly picture: Picture }): ReactElement {
  const facts = useFacts(picture).slice(0, shownFacts);
  return (
    <figure className={styles.side}>
      <img className={styles.picture} src={pictureUrl(picture.asset)} alt={picture.prompt} />
      <figcaption>
        <p>{picture.prompt}</p>
        <p className={styles.facts}>{facts.map(([name, value]) => `${name} ${value}`).join(' · ')}</p>
      </figcaption>
    </figure>
  );
}

/** From the size to the LoRAs. */
const shownFacts = 6;
