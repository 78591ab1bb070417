import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { DiffusionError } from '../errors.ts';

/**
 * Reads a JSON file and parses it by the schema. Keys the schema does not name are left out: vendors add keys.
 *
 * @throws DiffusionError `checkpoint_file_missing`, `checkpoint_file_unreadable`, `checkpoint_config_invalid` (not
 * JSON, or values that the schema refuses; every refused value is named)
 */
export async function readJsonFile<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema>> {
  const value = parseJson(await readText(file), file);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`);
  throw new DiffusionError('checkpoint_config_invalid', `${file} cannot be used: ${problems.join('; ')}.`, {
    details: { file, problems },
  });
}

/** Reads UTF-8 text of a checkpoint. @throws DiffusionError `checkpoint_file_missing`, `checkpoint_file_unreadable` */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      const message = `${file} does not exist, but the checkpoint needs it. Pull the model again.`;
      throw new DiffusionError('checkpoint_file_missing', message, { details: { file }, cause });
    }
    const message = `${file} cannot be read: ${(cause as Error).message}.`;
    throw new DiffusionError('checkpoint_file_unreadable', message, { details: { file }, cause });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${file} is not JSON: ${(cause as Error).message}. Pull the model again.`;
    throw new DiffusionError('checkpoint_config_invalid', message, { details: { file }, cause });
  }
}
