import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ByteStream, LinkOptions, PictureLink, PictureStore, StoredPicture } from '../../application/ports.ts';
import type { PictureRemover } from '../../application/retention-ports.ts';
import { AppError } from '../../domain/errors.ts';
import { type ContentHash, contentHash } from '../../domain/ids.ts';
import { uploadInParts } from './s3-multipart.ts';
import { createS3Requests, type S3Answer, type S3Options, type S3Requests } from './s3-requests.ts';

export interface S3StoreOptions extends S3Options {
  /** How long a link to a picture is good; 0 gives none. @default 0 */
  readonly linkSeconds?: number | undefined;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Bytes under their SHA-256 in a bucket: `ab/cd/<hash>`. The service checks every upload against its hash, an object
 * is there whole or not at all, and a repeat changes nothing.
 */
export class S3Store implements PictureStore, PictureRemover {
  readonly #requests: S3Requests;
  readonly #linkSeconds: number;
  /** Some services do not know conditional writes; then a race writes the same bytes twice, which is harmless. */
  #knowsConditions = true;

  private constructor(options: S3StoreOptions) {
    this.#requests = createS3Requests(options);
    this.#linkSeconds = options.linkSeconds ?? 0;
  }

  /**
   * Writes and reads an empty object, so that a wrong address, key, bucket or clock shows at once.
   *
   * @throws AppError as `S3Requests.send`
   */
  static async open(options: S3StoreOptions): Promise<S3Store> {
    const store = new S3Store(options);
    const key = keyOf(EMPTY);
    await store.#putWhole(key, { body: new Uint8Array(0), sha256: EMPTY, isNew: false });
    if ((await store.#sizeOf(key)) !== 0) {
      const message = `The S3 service at ${options.endpoint} does not give back what was written to the bucket ${options.bucket}.`;
      throw new AppError('storage_failed', message, { details: { bucket: options.bucket } });
    }
    return store;
  }

  async put(bytes: Uint8Array): Promise<StoredPicture> {
    const sha256 = contentHash(createHash('sha256').update(bytes).digest('hex'));
    const stored = { sha256, sizeBytes: bytes.byteLength };
    const key = keyOf(sha256);
    const sizeThere = await this.#sizeOf(key);
    if (sizeThere === bytes.byteLength) return stored;
    // `fetch` takes no view of shared memory, and nobody hands one in.
    const body = bytes as Uint8Array<ArrayBuffer>;
    if (body.byteLength <= MOST_BYTES_AT_ONCE)
      await this.#putWhole(key, { body, sha256, isNew: sizeThere === undefined });
    else if (!(await uploadInParts(this.#requests, key, body))) {
      // Finished by an earlier try whose answer was lost, or lost itself.
      if ((await this.#sizeOf(key)) !== body.byteLength) throw vanished(key);
    }
    return stored;
  }

  async open(sha256: ContentHash, range?: Range): Promise<ByteStream | undefined> {
    const key = keyOf(sha256);
    const answer = await this.#get(key, range);
    if (answer === undefined) return undefined;
    return Readable.from(this.#resumed(key, answer, range), { objectMode: false });
  }

  async linkTo(
    sha256: ContentHash,
    { mediaType, fileName, mostSeconds }: LinkOptions,
  ): Promise<PictureLink | undefined> {
    const goodForSeconds = Math.min(this.#linkSeconds, mostSeconds);
    if (goodForSeconds < 1) return undefined;
    const query = {
      'response-content-type': mediaType,
      'response-content-disposition': `inline; filename="${fileName}"`,
    };
    const url = await this.#requests.presign(keyOf(sha256), { seconds: goodForSeconds, query });
    return { url, goodForSeconds };
  }

  async remove(sha256: ContentHash): Promise<boolean> {
    const answer = await this.#requests.send({ method: 'DELETE', key: keyOf(sha256), accept: [404] });
    await answer.discard();
    return answer.status !== 404;
  }

  /** Undefined when it is not there, or when the key may not look. */
  async #sizeOf(key: string): Promise<number | undefined> {
    const answer = await this.#requests.send({ method: 'HEAD', key, accept: [403, 404] });
    await answer.discard();
    return answer.status === 200 ? Number(answer.headers.get('content-length')) : undefined;
  }

  async #putWhole(
    key: string,
    { body, sha256, isNew }: { body: Uint8Array<ArrayBuffer>; sha256: string; isNew: boolean },
  ): Promise<void> {
    const isConditional = isNew && this.#knowsConditions;
    const headers = isConditional ? { 'if-none-match': '*' } : {};
    const accept = isConditional ? [412, 501] : [];
    const answer = await this.#requests.send({ method: 'PUT', key, body, sha256, headers, accept });
    await answer.discard();
    // 412: somebody else was faster with the same bytes.
    if (answer.status !== 501) return;
    this.#knowsConditions = false;
    await this.#putWhole(key, { body, sha256, isNew });
  }

  async #get(key: string, range: Range | undefined): Promise<S3Answer | undefined> {
    const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
    const answer = await this.#requests.send({ method: 'GET', key, headers, accept: [404] });
    return answer.status === 404 ? undefined : answer;
  }

  /** All bytes of an answer; a connection that breaks is taken up where it broke. */
  async *#resumed(key: string, first: S3Answer, range: Range | undefined): AsyncGenerator<Uint8Array, void> {
    const start = range?.start ?? 0;
    const length = Number(first.headers.get('content-length'));
    let done = 0;
    for (let answer = first, tries = 1; ; tries += 1) {
      try {
        for await (const piece of answer.chunks()) {
          done += piece.byteLength;
          yield piece;
        }
        return;
      } catch (error) {
        if (tries === MOST_RESUMES) throw error;
      }
      if (done >= length) return;
      const rest = await this.#get(key, { start: start + done, end: start + length - 1 });
      if (rest === undefined) throw vanished(key);
      answer = rest;
    }
  }
}

function keyOf(sha256: ContentHash): string {
  return `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}

function vanished(key: string): AppError {
  return new AppError('storage_failed', `The object ${key} vanished from the S3 service.`, { details: { key } });
}

const EMPTY = contentHash('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
/** Above this, an object goes up in parts: one broken connection then costs one part. */
const MOST_BYTES_AT_ONCE = 16_777_216;
const MOST_RESUMES = 4;
