import type { HeldModel, ModelChoice } from '../../application/engine-port.ts';
import type { JobFault } from '../../domain/job.ts';

/** What the parent knows of the models in an engine process: from the events of the process, and from what it sends there. */
export class HeldModels {
  readonly #models = new Map<string, HeldModel>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  list(): readonly HeldModel[] {
    return [...this.#models.values()];
  }

  /** A picture was sent there, which loads the model if need be. */
  use(choice: ModelChoice): void {
    const known = this.#find(choice);
    this.#set(choice, { ...known, state: known.state === 'failed' ? 'loading' : known.state, users: known.users + 1 });
  }

  /** A picture of it has ended. */
  giveBack(choice: ModelChoice): void {
    const known = this.#models.get(keyOf(choice));
    if (known === undefined) return;
    const users = Math.max(0, known.users - 1);
    // The last picture ended and no word came that the model is there: it never was.
    if (users === 0 && known.state === 'loading') this.#models.delete(keyOf(choice));
    else this.#set(choice, { ...known, users });
  }

  loading(choice: ModelChoice): void {
    const known = this.#find(choice);
    if (known.state !== 'loaded') this.#set(choice, { ...known, state: 'loading', problem: undefined });
  }

  loaded(choice: ModelChoice, bytes: number): void {
    this.#set(choice, { ...this.#find(choice), state: 'loaded', bytes, problem: undefined });
  }

  failed(choice: ModelChoice, problem: JobFault): void {
    const known = this.#find(choice);
    if (known.state !== 'loaded') this.#set(choice, { ...known, state: 'failed', problem });
  }

  unloaded(choice: ModelChoice): void {
    const known = this.#find(choice);
    if (known.users > 0) this.#set(choice, { ...known, state: 'loading', bytes: 0 });
    else this.#models.delete(keyOf(choice));
  }

  clear(): void {
    this.#models.clear();
  }

  #find(choice: ModelChoice): HeldModel {
    const known = this.#models.get(keyOf(choice));
    if (known !== undefined) return known;
    const { modelPath, precision } = choice;
    return { modelPath, precision, state: 'loading', bytes: 0, lastUsedAt: 0, users: 0, problem: undefined };
  }

  #set(choice: ModelChoice, model: HeldModel): void {
    this.#models.set(keyOf(choice), { ...model, lastUsedAt: this.#now() });
  }
}

/** Equal for equal choices. */
export function keyOf({ modelPath, precision }: ModelChoice): string {
  return precision === undefined ? modelPath : `${modelPath}:${precision}`;
}
