import { useEffect, useEffectEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { usePicture } from '../api/pictures.ts';
import { useMessages } from '../ui/live-region.tsx';
import type { ShownPicture } from './pictures.ts';

/**
 * The pictures to lead through when one of them is open: those of the page, or, when an address names another one, that
 * one alone. Says so, and closes, when there is no such picture.
 */
export function useLinkedPicture(
  pictures: readonly ShownPicture[],
  openId: string | undefined,
  areLoaded: boolean,
  onClose: () => void,
): readonly ShownPicture[] {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const isListed = openId === undefined || pictures.some(({ id }) => id === openId);
  const { data, error } = usePicture(isListed || !areLoaded ? undefined : openId);
  const giveUp = useEffectEvent(() => {
    notify(t('viewer.gone'));
    onClose();
  });
  const isGone = error !== null || data === null;
  useEffect(() => {
    if (isGone) giveUp();
  }, [isGone]);
  return isListed || data === undefined || data === null ? pictures : [data];
}
