import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BulkSource, SourceRow } from '../../application/bulk-ports.ts';
import type { FileCopies } from '../../application/file-copies.ts';
import type { BulkFormat } from '../../domain/bulk.ts';
import { AppError } from '../../domain/errors.ts';
import type { BulkId } from '../../domain/ids.ts';
import { readCsv } from './read-csv.ts';
import { readJsonLines } from './read-json-lines.ts';
import { readWorkbook } from './read-workbook.ts';
import { encodingOf } from './text-encoding.ts';

const readers: Readonly<Record<BulkFormat, (path: string) => AsyncIterable<SourceRow>>> = {
  async *csv(path) {
    yield* readCsv(createReadStream(path), await encodingOf(createReadStream(path)));
  },
  jsonl: (path) => readJsonLines(createReadStream(path)),
  xlsx: readWorkbook,
};

export interface FileSourceOptions {
  readonly maxBytes: number;
  /** Where other processes find the files, which have folders of their own. @default they share the folder */
  readonly copies?: FileCopies | undefined;
}

/** Files of bulks in a folder, one each. */
export function createFileSource(folder: string, options: FileSourceOptions): BulkSource {
  const pathOf = (id: BulkId, format: BulkFormat): string => join(folder, `${id}.${format}`);
  const nameOf = (id: BulkId, format: BulkFormat): string => `bulks/${id}.${format}`;
  const { copies } = options;
  return {
    async save(id, format, bytes) {
      await mkdir(folder, { recursive: true });
      try {
        await pipeline(bytes, boundedBy(options.maxBytes), createWriteStream(pathOf(id, format), { flags: 'wx' }));
        await copies?.keep(nameOf(id, format), pathOf(id, format));
      } catch (error) {
        await rm(pathOf(id, format), { force: true });
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOSPC' || code === 'EDQUOT')
          throw new AppError('disk_full', 'The disk is full.', { cause: error });
        throw error;
      }
    },
    async *read(id, format) {
      if (copies !== undefined && !existsSync(pathOf(id, format)))
        await copies.bring(nameOf(id, format), pathOf(id, format));
      let isEmpty = true;
      for await (const row of readers[format](pathOf(id, format))) {
        isEmpty = false;
        yield row;
      }
      if (isEmpty) throw new AppError('bulk_file_invalid', 'The file has no rows.');
    },
    async remove(id, format) {
      await copies?.remove(nameOf(id, format));
      await rm(pathOf(id, format), { force: true });
    },
  };
}

function boundedBy(maxBytes: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size <= maxBytes) done(null, chunk);
      else
        done(new AppError('upload_too_large', `The file has more than ${maxBytes} bytes.`, { details: { maxBytes } }));
    },
  });
}
