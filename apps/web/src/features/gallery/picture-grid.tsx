import type { Picture } from '@imagemill/api';
import { memo, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import type { PictureList } from '../../shared/api/pictures.ts';
import { StarIcon } from '../../shared/ui/icons.tsx';
import styles from './picture-grid.module.css';
import { tileGap, useNearEnd, useWindow } from './use-window.ts';

interface PictureGridProps {
  readonly list: PictureList;
  readonly selected: ReadonlySet<string>;
  /** With Shift, a range is meant. */
  readonly onToggle: (id: string, isRange: boolean) => void;
  readonly onOpen: (id: string) => void;
}

/** The pictures as tiles; only those near the screen are in the document. */
export function PictureGrid({ list, selected, onToggle, onOpen }: PictureGridProps): ReactElement {
  const { t } = useTranslation();
  const { pictures } = list;
  const { ref, view } = useWindow(pictures.length);
  const { columns, side, first, end, height } = view;
  useNearEnd(list.hasMore && end >= pictures.length, list.loadMore);
  return (
    <ul ref={ref} className={styles.grid} style={{ height }} aria-label={t('gallery.title')}>
      {pictures.slice(first, end).map((picture, offset) => {
        const index = first + offset;
        const x = (index % columns) * (side + tileGap);
        const y = Math.floor(index / columns) * (side + tileGap);
        return (
          <li
            key={picture.id}
            className={styles.place}
            style={{ width: side, height: side, transform: `translate(${x}px, ${y}px)` }}
          >
            <Tile picture={picture} isSelected={selected.has(picture.id)} onToggle={onToggle} onOpen={onOpen} />
          </li>
        );
      })}
    </ul>
  );
}

interface TileProps {
  readonly picture: Picture;
  readonly isSelected: boolean;
  readonly onToggle: (id: string, isRange: boolean) => void;
  readonly onOpen: (id: string) => void;
}

const Tile = memo(function Tile({ picture, isSelected, onToggle, onOpen }: TileProps): ReactElement {
  const { t } = useTranslation();
  const { id, prompt, asset, starred, tenant } = picture;
  return (
    <div className={styles.tile} data-selected={isSelected || undefined}>
      <button type="button" className={styles.open} onClick={() => onOpen(id)}>
        <img src={pictureUrl(asset, tenant)} alt={t('gallery.open', { prompt })} loading="lazy" decoding="async" />
      </button>
      {tenant === undefined ? (
        <label className={styles.check}>
          <input
            type="checkbox"
            aria-label={t('gallery.select', { prompt })}
            checked={isSelected}
            onChange={({ nativeEvent }) => onToggle(id, (nativeEvent as MouseEvent).shiftKey)}
          />
        </label>
      ) : (
        <span className={styles.tenant}>{tenant}</span>
      )}
      {starred && (
        <span className={styles.star}>
          <StarIcon size={16} isFilled />
        </span>
      )}
    </div>
  );
});
