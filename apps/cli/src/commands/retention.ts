import { exitCodes } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import type { AdministrationFlags } from '../command-line/administration-options.ts';
import { withAdministration } from './administration.ts';

export interface RetentionFlags extends AdministrationFlags {
  readonly picturesDays?: number | 'none';
  readonly recordsDays?: number | 'none';
  readonly keepStarred?: boolean;
}

/** Sets what is named and leaves the rest as it is. */
export function showRetention(
  tenant: string | undefined,
  flags: RetentionFlags,
  context: CommandContext,
): Promise<number> {
  const { picturesDays, recordsDays, keepStarred, json } = flags;
  const of = tenant === undefined ? {} : { tenant };
  return withAdministration(flags, context, async (client) => {
    const before = await client.getRetention(of);
    const days = (given: number | 'none' | undefined) => (given === 'none' ? null : given);
    const given = { picturesDays: days(picturesDays), recordsDays: days(recordsDays), keepStarred };
    const change = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const isChange = Object.keys(change).length > 0;
    const answer = isChange ? await client.setRetention({ ...before.own, ...change }, of) : before;
    const { retention } = answer;
    const words = (count: number | undefined) => (count === undefined ? 'kept' : `removed after ${count} days`);
    if (json) context.output.result(JSON.stringify(answer));
    else {
      const starred = retention.keepStarred ? 'kept' : 'as the rest';
      context.output.result(
        `pictures ${words(retention.picturesDays)}, records ${words(retention.recordsDays)}, starred ${starred}`,
      );
    }
    return exitCodes.ok;
  });
}
