import type { FileHandle } from 'node:fs/promises';

/** Bytes read ahead; an adapter has hundreds of tensors of some 100 kB that lie side by side. */
const windowBytes = 8 * 1024 * 1024;

/**
 * Reads ranges of a file through one window, so that neighbours cost one call of the operating system. Errors are those
 * of the file system.
 */
export class WindowReader {
  readonly #handle: FileHandle;
  #bytes = new Uint8Array();
  #start = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** The bytes, valid until the next read; fewer when the file ends before. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const isInside = offset >= this.#start && offset + length <= this.#start + this.#bytes.length;
    if (!isInside) await this.#move(offset, Math.max(length, windowBytes));
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }

  async #move(offset: number, length: number): Promise<void> {
    const { size } = await this.#handle.stat();
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    this.#bytes = bytes.subarray(0, done);
    this.#start = offset;
  }
}
