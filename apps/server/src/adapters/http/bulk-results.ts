/** Results of a bulk as streams: a table of all pictures, and an archive of them. */
import { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { ManageBulks } from '../../application/manage-bulks.ts';
import type { PictureStore } from '../../application/ports.ts';
import type { Asset } from '../../domain/asset.ts';
import { csvLine } from './csv.ts';

type Results = Awaited<ReturnType<ManageBulks['results']>>;

/** CSV with one line a picture, and one a row that has none. */
/** @param urlOf address of a picture */
export function manifestOf(results: Results, urlOf: (asset: Asset) => string): Readable {
  return Readable.from(lines(results, urlOf));
}

async function* lines(results: Results, urlOf: (asset: Asset) => string): AsyncGenerator<string> {
  yield csvLine(COLUMNS);
  for await (const { row, record } of results) {
    const jobs = record?.jobs ?? [];
    for (const { job, asset } of jobs) {
      const picture = asset && { file: fileName(row.line, job.index, asset), url: urlOf(asset) };
      const problem = job.lastFault !== undefined && asset === undefined ? job.lastFault.message : '';
      const { prompt } = record?.generation ?? { prompt: '' };
      const cells = [row.line, row.state, row.generationId, job.index, job.state, job.seed];
      yield csvLine([...cells, picture?.file, picture?.url, prompt, problem]);
    }
    if (jobs.length === 0) yield csvLine([row.line, row.state, '', '', '', '', '', '', '', row.problem?.message]);
  }
}

/** A ZIP of the pictures that are there, stored as they are; never more than one of them in memory. */
export function archiveOf(results: Results, pictures: PictureStore): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  void fill(zip, output, results, pictures).catch((error: Error) => output.destroy(error));
  return output;
}

async function fill(zip: ZipFile, output: Readable, results: Results, pictures: PictureStore): Promise<void> {
  for await (const { row, record } of results) {
    for (const { job, asset } of record?.jobs ?? []) {
      const bytes = asset && (await pictures.open(asset.sha256));
      if (asset === undefined || bytes === undefined) continue;
      const stream = Readable.from(bytes);
      const name = fileName(row.line, job.index, asset);
      zip.addReadStream(stream, name, { compress: false, mtime: new Date(asset.createdAt), size: asset.sizeBytes });
      await new Promise<void>((resolve) => {
        stream.once('close', resolve);
        output.once('close', () => stream.destroy());
      });
      if (output.destroyed) return;
    }
  }
  zip.end();
}

function fileName(line: number, index: number, { mediaType }: Asset): string {
  const ending = mediaType === 'image/jpeg' ? 'jpg' : mediaType.replace('image/', '');
  return `${String(line).padStart(6, '0')}-${index}.${ending}`;
}

const COLUMNS = ['line', 'row', 'generation', 'index', 'job', 'seed', 'file', 'url', 'prompt', 'problem'];
