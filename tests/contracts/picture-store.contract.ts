import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PictureStore } from '../../apps/server/src/application/ports.ts';
import { contentHash } from '../../apps/server/src/domain/ids.ts';

export interface OpenedPictureStore {
  readonly store: PictureStore;
  /** Replaces the stored bytes behind the store's back. */
  replace(sha256: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What every picture store does, wherever it keeps the bytes. */
export function describePictureStore(name: string, open: () => Promise<OpenedPictureStore>): void {
  describe(`the picture store: ${name}`, () => {
    let opened: OpenedPictureStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());

    const read = async (bytes: Uint8Array, range?: { start: number; end: number }): Promise<Buffer | undefined> => {
      const stream = await opened.store.open(hashOf(bytes), range);
      if (stream === undefined) return undefined;
      const pieces: Uint8Array[] = [];
      for await (const piece of stream) pieces.push(piece);
      return Buffer.concat(pieces);
    };

    it('keeps bytes under their SHA-256', async () => {
      const bytes = bytesOf('one', 70_000);
      expect(await opened.store.put(bytes)).toEqual({ sha256: hashOf(bytes), sizeBytes: 70_000 });
      expect(await read(bytes)).toEqual(Buffer.from(bytes));
    });

    it('keeps an empty file', async () => {
      const none = new Uint8Array(0);
      await opened.store.put(none);
      expect(await read(none)).toEqual(Buffer.alloc(0));
    });

    it('says that bytes are not there rather than failing', async () => {
      expect(await read(bytesOf('never stored', 10))).toBeUndefined();
    });

    it('takes the same bytes again and at the same time', async () => {
      const bytes = bytesOf('again', 50_000);
      const answers = await Promise.all(Array.from({ length: 8 }, () => opened.store.put(bytes)));
      expect(new Set(answers.map(({ sha256 }) => sha256))).toEqual(new Set([hashOf(bytes)]));
      await opened.store.put(bytes);
      expect(await read(bytes)).toEqual(Buffer.from(bytes));
    });

    it('gives parts, both ends included', async () => {
      const bytes = bytesOf('ranges', 10_000);
      await opened.store.put(bytes);
      const ranges = [
        [0, 0],
        [1, 9_998],
        [9_999, 9_999],
        [0, 9_999],
      ] as const;
      for (const [start, end] of ranges) {
        expect(await read(bytes, { start, end })).toEqual(Buffer.from(bytes.subarray(start, end + 1)));
      }
    });

    it('keeps large files, and gives parts of them', async () => {
      const bytes = bytesOf('large', 20_000_003);
      await opened.store.put(bytes);
      expect(hashOf((await read(bytes)) ?? new Uint8Array(0))).toBe(hashOf(bytes));
      const range = { start: 8_388_600, end: 8_388_700 };
      expect(await read(bytes, range)).toEqual(Buffer.from(bytes.subarray(range.start, range.end + 1)));
    });

    it('writes a file of the wrong size anew', async () => {
      const bytes = bytesOf('damaged', 5_000);
      const { sha256 } = await opened.store.put(bytes);
      await opened.replace(sha256, bytes.subarray(0, 100));
      await opened.store.put(bytes);
      expect(await read(bytes)).toEqual(Buffer.from(bytes));
    });

    it('lets go of a stream that nobody reads to its end', async () => {
      const bytes = bytesOf('abandoned', 3_000_000);
      await opened.store.put(bytes);
      for (let round = 0; round < 20; round += 1) (await opened.store.open(hashOf(bytes)))?.destroy();
      const stream = await opened.store.open(hashOf(bytes));
      for await (const _piece of stream ?? []) break;
      expect(await read(bytes)).toEqual(Buffer.from(bytes));
    });
  });
}

export function hashOf(bytes: Uint8Array) {
  return contentHash(createHash('sha256').update(bytes).digest('hex'));
}

/** Bytes that look random, the same for a name each time. */
export function bytesOf(name: string, length: number): Uint8Array {
  const block = createHash('sha512').update(name).digest();
  const bytes = Buffer.alloc(length, block);
  for (let at = 0; at < length; at += 4_096) bytes[at] = (at / 4_096) & 255;
  return new Uint8Array(bytes);
}
