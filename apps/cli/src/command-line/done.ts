/** Takes the work of a command and keeps its exit status. */
export type Done = (work: Promise<number>) => Promise<void>;
