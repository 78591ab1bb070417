import { ModelError } from '../../application/model-errors.ts';

/** Splits `owner/name`. @throws ModelError `model_name_invalid` */
export function parseRepository(repository: string): { readonly owner: string; readonly name: string } {
  const [owner, name, ...rest] = repository.split('/');
  if (owner === undefined || name === undefined || rest.length > 0 || !isPlainName(owner) || !isPlainName(name)) {
    throw new ModelError(
      'model_name_invalid',
      `The model is "${repository}"; expected owner/name, such as Tongyi-MAI/Z-Image-Turbo.`,
      {
        details: { repository },
      },
    );
  }
  return { owner, name };
}

/** `owner/name` as a part of an address. @throws ModelError `model_name_invalid` */
export function repositoryAddress(repository: string): string {
  const { owner, name } = parseRepository(repository);
  return `${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
}

/**
 * True for a path that a hub may place in a model folder: relative, forward slashes, no `..`, nothing that a file
 * system reads in another way. A listing is foreign input, and `../../.bashrc` must not leave the folder.
 */
export function isSafeFilePath(path: string): boolean {
  return path.length > 0 && path.length <= 500 && path.split('/').every(isPlainName);
}

/** One path segment, percent-encoded for an address. */
export function encodeSegments(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

// Letters of any script, digits and the few signs that hubs use; never `.` or `..`.
function isPlainName(segment: string): boolean {
  return /^[\p{L}\p{N}_.-][\p{L}\p{N}_. ()+=@-]*$/u.test(segment) && !segment.endsWith('.') && !segment.endsWith(' ');
}
