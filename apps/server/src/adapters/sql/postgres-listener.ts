import type pg from 'pg';
import type { Clock, Logger } from '../../application/ports.ts';
import { connect, type PostgresOptions } from './postgres-connection.ts';

export interface ListenerPorts {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Hears notifications of PostgreSQL on a connection of its own, which is opened again whenever it was lost. */
export class PostgresListener {
  readonly #options: PostgresOptions;
  readonly #ports: ListenerPorts;
  readonly #handlers = new Map<string, (payload: string) => void>();
  readonly #onReconnected = new Set<() => void>();
  #client: pg.Client | undefined;
  #isClosed = false;
  #callOff: () => void = () => undefined;

  constructor(options: PostgresOptions, ports: ListenerPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Hears a channel; to be called before `start`. The handler must not throw. */
  on(channel: string, handler: (payload: string) => void): void {
    this.#handlers.set(channel, handler);
  }

  /** Called when the connection is back: notifications may have been missed. The result ends it. */
  onReconnected(listener: () => void): () => void {
    this.#onReconnected.add(listener);
    return () => this.#onReconnected.delete(listener);
  }

  /** @throws what the driver throws when the database cannot be reached */
  async start(): Promise<void> {
    const client = await connect(this.#options);
    client.on('notification', ({ channel, payload }) => this.#handlers.get(channel)?.(payload ?? ''));
    let isLost = false;
    const onLost = (): void => {
      if (isLost || this.#isClosed) return;
      isLost = true;
      this.#client = undefined;
      this.#ports.log.warn({}, 'the connection that hears of events was lost; it is opened again');
      void client.end().catch(() => undefined);
      this.#scheduleRestart();
    };
    client.on('error', onLost).on('end', onLost);
    for (const channel of this.#handlers.keys()) await client.query(`listen ${channel}`);
    this.#client = client;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#callOff();
    await this.#client?.end().catch(() => undefined);
  }

  #scheduleRestart(): void {
    this.#callOff = this.#ports.clock.after(RESTART_MS, () => {
      this.start()
        .then(() => {
          if (this.#isClosed) return this.close();
          for (const listener of this.#onReconnected) listener();
          return undefined;
        })
        .catch(() => {
          if (!this.#isClosed) this.#scheduleRestart();
        });
    });
  }
}

const RESTART_MS = 250;
