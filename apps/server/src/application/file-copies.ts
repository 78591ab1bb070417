/**
 * Files that were handed in, where all processes of a cluster find them: whoever lacks one in its own folder has it
 * brought there. Names are like `bulks/<id>.csv` and never stand for other bytes later.
 */
export interface FileCopies {
  /** Takes a copy of a whole file. @throws AppError as the place of the copies does */
  keep(name: string, path: string): Promise<void>;
  /** Brings a file to a path where nothing is; false when there is no such copy. */
  bring(name: string, path: string): Promise<boolean>;
  remove(name: string): Promise<void>;
}
