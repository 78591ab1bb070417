import { type AlertChannel, type AlertDelivery, judgeDelivery } from '../domain/alerting/alert.ts';
import type { AlertSender } from './alert-ports.ts';
import type { Clock, Logger, Store } from './ports.ts';

export interface DeliverAlertsPorts {
  readonly store: Pick<Store, 'alerts' | 'transact'>;
  readonly sender: AlertSender;
  readonly clock: Clock;
  readonly log: Logger;
  /** Channels that the settings make. */
  readonly fixedChannels: readonly AlertChannel[];
  /** Pause after each failed attempt; one more failure gives the message up. */
  readonly pausesMs: readonly number[];
}

/**
 * Sends what is due about alerts, at least once each. A claim puts the next attempt off, so that one process alone
 * sends each, and another does when that one is gone.
 */
export class AlertDeliverer {
  readonly #ports: DeliverAlertsPorts;
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  #isWoken = false;
  #callOff: () => void = () => undefined;

  constructor(ports: DeliverAlertsPorts) {
    this.#ports = ports;
    this.wake();
  }

  /** Looks for what is due now. */
  wake(): void {
    this.#isWoken = true;
    if (this.#looking !== undefined || this.#stop.signal.aborted) return;
    this.#callOff();
    this.#looking = this.#look()
      .catch((err: unknown) => this.#ports.log.warn({ err }, 'looking for due alert messages failed'))
      .finally(() => {
        this.#looking = undefined;
        if (!this.#stop.signal.aborted) this.#callOff = this.#ports.clock.after(POLL_MS, () => this.wake());
      });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#callOff();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#ports;
    while (this.#isWoken && !this.#stop.signal.aborted) {
      this.#isWoken = false;
      const now = clock.now();
      const query = { now, until: now + LEASE_MS, limit: AT_ONCE };
      const due = await store.transact(({ alerts }) => alerts.claimDeliveries(query));
      await Promise.all(due.map((delivery) => this.#deliver(delivery)));
      if (due.length === AT_ONCE) this.#isWoken = true;
    }
  }

  async #deliver(delivery: AlertDelivery): Promise<void> {
    const { store, sender, clock, log, fixedChannels, pausesMs } = this.#ports;
    const channels = [...fixedChannels, ...(await store.alerts.channels())];
    const channel = channels.find(({ id }) => id === delivery.channelId);
    const alert = delivery.alertId === undefined ? undefined : await store.alerts.findAlert(delivery.alertId);
    const { id, kind, createdAt: at } = delivery;
    const problem =
      channel === undefined
        ? 'The channel was deleted.'
        : await sender.send(channel, { id, kind, at, alert }, this.#stop.signal);
    if (this.#stop.signal.aborted && problem !== undefined) return;
    const pauses = channel === undefined ? [] : pausesMs;
    const judged = judgeDelivery(delivery, problem, { now: clock.now(), pausesMs: pauses });
    await store.transact(({ alerts }) => alerts.saveDelivery(judged));
    if (problem === undefined) return;
    const fields = { channel: delivery.channelId, problem, attempts: judged.attempts };
    log.warn(fields, judged.state === 'given_up' ? 'a message about an alert was given up' : 'an alert did not arrive');
  }
}

const POLL_MS = 1_000;
/** Longer than any attempt may take. */
const LEASE_MS = 60_000;
const AT_ONCE = 20;
