/** @module Tools for tests and benchmarks of the engine. */
export { type SyntheticCheckpointOptions, writeSyntheticCheckpoint } from './synthetic-checkpoint.ts';
export { type BlockSize, type OpenedBlock, openSyntheticBlock, writeSyntheticBlock } from './transformer-block.ts';
