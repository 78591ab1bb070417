import { useEffect, useEffectEvent } from 'react';

/**
 * Takes a picture that is dropped anywhere on the page and that nothing nearer has taken. Other files are refused, so
 * that the browser does not leave the page to show them.
 */
export function usePictureDrop(onPicture: (file: File) => void, onOther: (file: File) => void): void {
  const take = useEffectEvent((file: File) => (file.type.startsWith('image/') ? onPicture(file) : onOther(file)));
  useEffect(() => {
    const over = (event: globalThis.DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
    };
    const drop = (event: globalThis.DragEvent): void => {
      const file = event.dataTransfer?.files[0];
      if (file === undefined || event.defaultPrevented) return;
      event.preventDefault();
      const isBusy = document.querySelector('dialog[open]') !== null;
      if (!isBusy) take(file);
    };
    document.addEventListener('dragover', over);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', over);
      document.removeEventListener('drop', drop);
    };
  }, []);
}
