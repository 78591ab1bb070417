/**
 * What listing, pulling and verifying models needs from outside.
 *
 * - *hub*: a site that hosts model repositories (Hugging Face, ModelScope, a mirror of either).
 * - *listing*: the files of one repository at one revision, each with its size and digest.
 * - *staging folder*: `<name>.partial` beside the model's future place. Files arrive there as `<file>.part` and lose
 *   the ending once their digest is right. The folder takes the model's name when all of them are whole, so a model is
 *   never half there; repairing an installed model moves its new files in at that moment. A pull that stops leaves the
 *   staging folder, and the next pull goes on from it.
 */

export type HubSource = 'huggingface' | 'modelscope';

export interface FileDigest {
  /** `git-blob-sha1` is SHA-1 over `blob <size>\0` and the bytes: all that Hugging Face states for small files. */
  readonly algorithm: 'sha256' | 'git-blob-sha1';
  /** Lower case. */
  readonly hex: string;
}

export interface HubFile {
  /** Relative, with forward slashes, as the hub says it: foreign input until the store has checked it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Absent when the hub states none. */
  readonly digest: FileDigest | undefined;
}

export interface HubListing {
  readonly repository: string;
  /** Commit where the hub names one, so that a push during a pull cannot mix two versions; else as asked. */
  readonly revision: string;
  readonly files: readonly HubFile[];
}

/** A file that a pull takes: its digest is known. */
export interface WantedFile extends HubFile {
  readonly digest: FileDigest;
}

export interface HubFileRequest {
  readonly repository: string;
  readonly revision: string;
  readonly path: string;
  /** First byte wanted; above 0 asks for a range. */
  readonly fromByte: number;
  /** Strong entity tag of the bytes at hand; the answer starts at 0 when the hub's file has another. */
  readonly etag: string | undefined;
}

export interface HubBody {
  /** Position of the first byte that follows: `fromByte`, or 0 when the hub starts over. */
  readonly startsAt: number;
  readonly etag: string | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Ends the connection; also after the last byte, and when none was read. */
  close(): void;
}

/** Reads from one hub. Every method throws `ModelError` with a `hub_*` code, or `cancelled`. */
export interface ModelHub {
  readonly source: HubSource;
  readonly endpoint: string;
  /** Revision taken when none is asked for. */
  readonly defaultRevision: string;
  list(repository: string, revision: string, signal: AbortSignal): Promise<HubListing>;
  open(request: HubFileRequest, signal: AbortSignal): Promise<HubBody>;
}

/** Where an installed model came from. */
export interface ModelOrigin {
  readonly source: HubSource;
  readonly endpoint: string;
  readonly repository: string;
  readonly revision: string;
}

/**
 * - `verified`: every file was hashed, and none has changed in size or time since.
 * - `changed`: a file is missing or differs from the manifest or from its last check; `verify` tells which.
 * - `unverified`: never hashed on this machine.
 */
export type VerificationState = 'verified' | 'changed' | 'unverified';

export interface InstalledModel {
  /** Last part of the id; what people type. */
  readonly name: string;
  /** `owner/name` for a pulled model, the folder's name else. */
  readonly id: string;
  readonly path: string;
  /** `z-image`; `unknown` when the folder's pipeline is not one that Imagemill runs. */
  readonly family: string;
  readonly sizeBytes: number;
  readonly verification: VerificationState;
  /** RFC 3339, of the last complete check. */
  readonly verifiedAt: string | undefined;
  readonly origin: ModelOrigin | undefined;
}

export interface FileFault {
  readonly path: string;
  readonly fault: 'missing' | 'size' | 'hash' | 'surplus';
  readonly expected: string;
  readonly got: string;
}

export interface VerifyReport {
  readonly model: InstalledModel;
  readonly filesChecked: number;
  readonly bytesChecked: number;
  readonly faults: readonly FileFault[];
}

/** Bytes hashed or received so far, of all that will be. */
export type ByteProgress = (delta: number) => void;

/** One file on its way into the staging folder. */
export interface FilePart {
  /** Bytes at hand. */
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  /** Throws away the bytes at hand; the next ones start at 0. */
  restart(): Promise<void>;
  rememberEtag(etag: string | undefined): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  /** True when the digest is right: the file then has its final name. False when it was wrong: the bytes are gone. */
  finish(): Promise<boolean>;
  close(): Promise<void>;
}

/** The staging folder of one model, held by one process at a time. */
export interface StagedModel {
  /** True when the file is whole already, in the staging folder or in the installed model. */
  adopt(file: WantedFile, onBytes: ByteProgress, signal: AbortSignal): Promise<boolean>;
  /** Opens the part of a file, hashing what an earlier pull left of it. */
  openPart(file: WantedFile, onBytes: ByteProgress, signal: AbortSignal): Promise<FilePart>;
  /** Bytes that a pull left of the file. */
  partialBytes(file: WantedFile): Promise<number>;
  /** Bytes free for this user on the disk of the models folder. */
  freeBytes(): Promise<number>;
  /** Contents of a whole file. */
  readText(path: string): Promise<string>;
  /** Writes the manifest and puts the folder, or into an installed model the new files, in place. */
  publish(origin: ModelOrigin, files: readonly WantedFile[]): Promise<InstalledModel>;
  /** Lets go of the folder, keeping what was received. */
  release(): Promise<void>;
}

/** The models on this machine. */
export interface ModelStore {
  list(): Promise<readonly InstalledModel[]>;
  /** By folder, id, or name. @throws ModelError `model_unknown`, `model_ambiguous` */
  find(reference: string): Promise<InstalledModel>;
  /** Hashes every file against the manifest and remembers the outcome. @throws ModelError `model_unverifiable` */
  verify(model: InstalledModel, onBytes: ByteProgress, signal: AbortSignal): Promise<VerifyReport>;
  /** Hashes the files as they are and writes the manifest, for a model that was put there by hand. */
  record(model: InstalledModel, onBytes: ByteProgress, signal: AbortSignal): Promise<InstalledModel>;
  /** @throws ModelError `model_busy`, `folder_unwritable` */
  stage(repository: string): Promise<StagedModel>;
}

export interface Pauses {
  /** Resolves after the time, or rejects with `cancelled` when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
}
