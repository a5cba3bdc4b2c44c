import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { Clock } from "../../base/clock.ts";
import { openBroker } from "../../node/open-broker.ts";
import { StartSteps } from "../../node/start-steps.ts";
import { KafkaServer } from "../../servers/kafka/kafka-server.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import { logOfLife } from "./log-of-life.ts";
import type { ClientEnd, Life } from "./machine.ts";
import { ProcessClock } from "./process-clock.ts";
import { simulateSocket, type SocketEnd } from "./simulated-socket.ts";

export interface ProcessParts {
  readonly disk: Disk;
  readonly tools: BatchTools;
  readonly clock: Clock;
  readonly skewMs: () => number;
  readonly random: Random;
  readonly log: Log;
  readonly settings: NodeSettings;
}

const nothing = new Uint8Array(0);

/** One life of a broker: composed as a node is, on a given disk, its door without a port. */
export class SimulatedProcess implements Life {
  readonly #parts: ProcessParts;
  readonly #clock: ProcessClock;
  readonly #log: Log;
  readonly #steps: StartSteps;
  readonly #ends = new Set<SocketEnd>();
  #kafka: KafkaServer | undefined;
  #isDead = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.#clock = new ProcessClock(parts.clock, parts.skewMs);
    this.#log = logOfLife(parts.log, () => this.#isDead);
    this.#steps = new StartSteps(this.#log);
  }

  /** Rejects as the start of a node does. Never ends when the process is killed meanwhile. */
  async start(): Promise<void> {
    const { disk, tools, random, settings } = this.#parts;
    const own = { clock: this.#clock, log: this.#log };
    const parts = { settings, given: new Map<string, string>(), disk, tools, random, ...own };
    const { broker, loadGroups } = await openBroker(this.#steps, parts);
    await loadGroups();
    this.#kafka = new KafkaServer(broker);
  }

  get isServing(): boolean {
    return this.#kafka !== undefined && !this.#isDead;
  }

  /** Undefined: nobody listens. */
  connect(onBytes: (bytes: Uint8Array) => void, onClosed: () => void): ClientEnd | undefined {
    if (this.#kafka === undefined || this.#isDead) return undefined;
    const end = simulateSocket(onBytes, () => {
      this.#ends.delete(end);
      onClosed();
    });
    this.#ends.add(end);
    this.#kafka.accept(end.socket, nothing);
    return end;
  }

  /** Ends every connection, as a broken network does. */
  cutConnections(): void {
    for (const end of this.#ends) end.cut();
  }

  /** As `xylem stop`. */
  async stop(): Promise<void> {
    const { settings } = this.#parts;
    await this.#kafka?.close(settings["shutdown.grace.ms"]);
    this.#kafka = undefined;
    await this.#steps.stop();
    this.#clock.die();
  }

  /** Nothing of it happens any more; its disk dies by its owner. */
  kill(): void {
    this.#isDead = true;
    this.#clock.die();
    this.cutConnections();
  }
}
