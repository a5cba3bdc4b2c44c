import type { Socket } from "node:net";
import type { Cancel } from "../../base/clock.ts";
import type { Broker } from "../../broker/broker.ts";
import { FetchBudget } from "../../broker/fetch/fetch-budget.ts";
import { FetchSessions } from "../../broker/fetch/fetch-sessions.ts";
import { type ConnectionHost, KafkaConnection } from "./kafka-connection.ts";
import { IntakeBudget } from "./limits.ts";
import { Traffic } from "./traffic.ts";

/** Idle connections are looked for at least this often, and four times within their limit. */
const sweepMsMax = 30_000;
const sweepMsMin = 10;

/** The Kafka door: serves connections that somebody else accepted. */
export class KafkaServer {
  readonly traffic = new Traffic();
  readonly #host: ConnectionHost;
  readonly #connections = new Set<KafkaConnection>();
  /** Those that were read in this turn of the loop. */
  readonly #ready = new Set<KafkaConnection>();
  #cancelSweep: Cancel | undefined;
  #isClosing = false;
  #allClosed: (() => void) | undefined;

  constructor(broker: Broker) {
    const intake = new IntakeBudget(() => broker.settings["queued.max.request.bytes"]);
    const { clock, random, settings } = broker;
    const slotsMax = (): number => settings["max.incremental.fetch.session.cache.slots"];
    this.#host = {
      broker,
      fetchBudget: new FetchBudget(() => settings["fetch.memory.max.bytes"]),
      fetchSessions: new FetchSessions({ clock, random, slotsMax }),
      intake,
      traffic: this.traffic,
      soon: (connection) => this.#workSoon(connection),
      closed: (connection) => this.#forget(connection),
    };
    this.#scheduleSweep();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Bytes of requests under way, unfinished ones included. */
  get requestBytes(): number {
    const { intake } = this.#host;
    return intake.bytes + intake.unfinishedBytes;
  }

  /** Bytes of answers that clients have not taken, and of records being read for them. */
  get answerBytes(): number {
    return this.#host.fetchBudget.bytes;
  }

  /** Serves a connection whose first bytes, `head`, were read already. The socket is given away. */
  accept(socket: Socket, head: Uint8Array): void {
    if (this.#isClosing || socket.destroyed) {
      socket.destroy();
      return;
    }
    const connection = new KafkaConnection(socket, this.#host);
    this.#connections.add(connection);
    connection.open(head);
  }

  /**
   * Reads nothing more, answers the requests that are under way, and ends every connection; after
   * `graceMs` those that are left are cut off. Twice is harmless.
   */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#cancelSweep?.();
    if (this.#connections.size === 0) return;
    const closed = new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
    const cutOff = (): void => {
      for (const connection of this.#connections) connection.destroy();
    };
    const timer = setTimeout(cutOff, graceMs);
    for (const connection of this.#connections) connection.end();
    await closed;
    clearTimeout(timer);
  }

  /**
   * What all sockets brought in one turn of the loop is worked on together: appends of different
   * connections to one partition then share a write.
   */
  #workSoon(connection: KafkaConnection): void {
    if (this.#ready.size === 0) setImmediate(() => this.#work());
    this.#ready.add(connection);
  }

  #work(): void {
    const ready = [...this.#ready];
    this.#ready.clear();
    for (const connection of ready) connection.work();
  }

  #forget(connection: KafkaConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#allClosed?.();
  }

  #scheduleSweep(): void {
    const { clock, settings } = this.#host.broker;
    const idleMsMax = settings["connections.max.idle.ms"];
    const quarter = idleMsMax < 0 ? sweepMsMax : idleMsMax / 4;
    const delayMs = Math.min(sweepMsMax, Math.max(sweepMsMin, quarter));
    this.#cancelSweep = clock.schedule(delayMs, () => {
      this.#sweep();
      if (!this.#isClosing) this.#scheduleSweep();
    });
  }

  #sweep(): void {
    const { clock, log, settings } = this.#host.broker;
    const idleMsMax = settings["connections.max.idle.ms"];
    if (idleMsMax < 0) return;
    const nowMs = clock.monotonicMs();
    for (const connection of this.#connections) {
      if (connection.idleMs(nowMs) <= idleMsMax) continue;
      log.debug("idle Kafka connection closed", { client: connection.remoteAddress });
      connection.destroy();
    }
  }
}
