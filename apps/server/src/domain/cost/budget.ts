/** What a tenant may spend in a calendar month (UTC), in the currency of the installation. */
export interface Budget {
  /** From here on somebody is told. */
  readonly soft: number | undefined;
  /** Beyond it nothing is accepted. */
  readonly hard: number | undefined;
}

/** `none`: there is no budget. `reserved`: what waits and is under way would exhaust it. */
export type BudgetState = 'none' | 'within' | 'soft_reached' | 'exhausted';

export interface Spending {
  /** Of the month so far. */
  readonly spent: number;
  /** What waits and is under way is predicted to cost. */
  readonly reserved: number;
}

export function budgetState({ soft, hard }: Budget, { spent, reserved }: Spending): BudgetState {
  if (soft === undefined && hard === undefined) return 'none';
  if (hard !== undefined && spent + reserved >= hard) return 'exhausted';
  return soft !== undefined && spent >= soft ? 'soft_reached' : 'within';
}

/** The calendar month (UTC) of a moment: its name and its days since 1970, both included. */
export function monthOf(at: number): { readonly name: string; readonly fromDay: number; readonly toDay: number } {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const fromDay = Date.UTC(year, month, 1) / DAY_MS;
  return { name: date.toISOString().slice(0, 7), fromDay, toDay: Date.UTC(year, month + 1, 1) / DAY_MS - 1 };
}

const DAY_MS = 86_400_000;
