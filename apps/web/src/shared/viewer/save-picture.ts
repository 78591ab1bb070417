import { pictureUrl } from '../api/picture-url.ts';
import { saveBlob } from '../save-blob.ts';
import { fileNameOf, type ShownPicture } from './pictures.ts';

/**
 * Saves a picture under a name made of its prompt. A plain link would save it under the name in the server's answer,
 * which counts more than the `download` attribute.
 *
 * @throws Error when the server does not hand the file out
 */
export async function savePicture(picture: ShownPicture): Promise<void> {
  const response = await fetch(pictureUrl(picture.asset, picture.tenant));
  if (!response.ok) throw new Error(`The server answered ${response.status} instead of the picture.`);
  saveBlob(await response.blob(), fileNameOf(picture));
}
