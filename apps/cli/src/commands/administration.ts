import { type Client, createClient } from '@imagemill/api/client';
import { loadConfig, openAdministration } from '@imagemill/server/administration';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';

/** Runs the work with a client of the server that is named, else of the data folder itself. */
export async function withAdministration(
  { dataDir, server, key }: AdministrationFlags,
  { environment }: CommandContext,
  work: (client: Client) => Promise<number>,
): Promise<number> {
  // A folder that is named on the command line means more than a server that the environment names.
  const url = server ?? (dataDir === undefined ? environment.server.url : undefined);
  if (url !== undefined) {
    const secret = key ?? environment.server.key;
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    return work(createClient({ baseUrl: url.replace(/\/+$/, ''), headers }));
  }
  const config = loadConfig({ overrides: dataDir === undefined ? {} : { dataDir } });
  // A folder that is named means more than a database that the settings name.
  const administration = await openAdministration(
    dataDir === undefined ? config : { ...config, databaseUrl: undefined },
  );
  try {
    return await work(createClient({ fetch: administration.fetch }));
  } finally {
    await administration.close();
  }
}

/** Every item of a list, page by page, up to a number. */
export async function allPages<T>(
  read: (page: { readonly limit: number; readonly cursor?: string | undefined }) => Promise<{
    readonly items: readonly T[];
    readonly nextCursor?: string | undefined;
  }>,
  most = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: Math.min(100, most - items.length), cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined && items.length < most);
  return items;
}
