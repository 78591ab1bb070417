import { pictureUrl } from '../../shared/api/picture-url.ts';
import { fileNameOf, type Picture } from './pictures.ts';

/**
 * Saves a picture under a name made of its prompt. A plain link would save it under the name in the server's answer,
 * which counts more than the `download` attribute.
 *
 * @throws Error when the server does not hand the file out
 */
export async function savePicture(picture: Picture): Promise<void> {
  const response = await fetch(pictureUrl(picture.asset));
  if (!response.ok) throw new Error(`The server answered ${response.status} instead of the picture.`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = fileNameOf(picture);
  link.click();
  // The browser has taken the address over once the click is handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
