import { readFile, stat } from 'node:fs/promises';
import { inspectFile } from '@imagemill/server/provenance';
import { exitCodes, optionError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { formatBytes } from '../terminal/format.ts';

type Inspected = NonNullable<ReturnType<typeof inspectFile>>;

/** Larger files are no pictures that anybody drew. */
const MAX_BYTES = 268_435_456;

/** Prints what a picture's file says of how it was made. */
export async function inspect(
  file: string,
  { json }: { readonly json: boolean },
  { output }: CommandContext,
): Promise<number> {
  const inspected = inspectFile(await read(file));
  if (inspected === undefined) throw optionError('file', file, 'a PNG, JPEG or WebP picture');
  output.result(json ? JSON.stringify({ file, ...inspected }) : describe(file, inspected));
  return exitCodes.ok;
}

async function read(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw optionError('file', file, `a file of at most ${formatBytes(MAX_BYTES)}`);
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'EACCES' || code === 'ENOTDIR') {
      throw optionError('file', file, 'a file that can be read');
    }
    throw error;
  }
}

function describe(file: string, inspected: Inspected): string {
  const { origin, settings, provenance, aigc, digitalSourceType, sha256, mediaType, width, height } = inspected;
  const loras = settings?.loras.map(({ name, strength }) => `${name}:${strength}`).join(', ');
  const pairs: readonly (readonly [string, unknown])[] = [
    ['file', `${file}, ${mediaType}, ${width} × ${height}, ${formatBytes(inspected.sizeBytes)}`],
    ['sha256', sha256],
    ['made by', origin === 'unknown' ? 'unknown: the file does not say' : (provenance?.software ?? origin)],
    ['drawn by', provenance?.origin === 'fixed-time' ? 'the fixed-time device for load tests: no model' : undefined],
    ['prompt', settings?.prompt],
    ['negative', settings?.negativePrompt || undefined],
    ['model', settings?.model],
    ['model hash', settings?.modelHash],
    ['loras', loras || undefined],
    ['seed', settings?.seed],
    ['steps', settings?.steps],
    ['guidance', settings?.guidanceScale],
    ['sampler', settings?.sampler && [settings.sampler, settings.schedule].filter(Boolean).join(', ')],
    ['drawn from', provenance?.image && `${provenance.image.sha256}, strength ${provenance.image.strength}`],
    ['mask', provenance?.mask?.sha256],
    ['generation', provenance?.generationId],
    ['job', provenance?.jobId],
    ['AIGC label', aigc && `${aigc.Label}, producer ${aigc.ContentProducer}, id ${aigc.ProduceID}`],
    ['source type', digitalSourceType],
  ];
  const shown = pairs.filter(([, value]) => value !== undefined);
  return shown.map(([name, value]) => `${`${name}:`.padEnd(13)}${value}`).join('\n');
}
