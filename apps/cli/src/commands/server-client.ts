import { type Client, createClient } from '@imagemill/api/client';
import type { CommandContext } from '../command-context.ts';
import { serverOf } from '../command-line/server-option.ts';

/** A client of a running server, with the key of the environment. */
export function clientOf(server: string | undefined, { environment }: Pick<CommandContext, 'environment'>): Client {
  const { key } = environment.server;
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return createClient({ baseUrl: serverOf(server, environment), headers });
}
