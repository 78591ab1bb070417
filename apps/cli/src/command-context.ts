import type { Environment } from './environment.ts';
import type { Output } from './terminal/output.ts';

/** What every command gets beside its own options. */
export interface CommandContext {
  readonly environment: Environment;
  readonly output: Output;
}
