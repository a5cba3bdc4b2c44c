import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { findViolations, type StoredRecord } from "./ledger.ts";
import { LedgerProducer } from "./ledger-producer.ts";
import { busyMaintenance, MaintenanceLoad } from "./maintenance-load.ts";
import { SideLoad } from "./side-load.ts";

const acknowledgedMin = 5_000;
const place = { topic: "crash-load", partitions: 4 };

/** One round: the kill, and the start behind it. */
export interface Round {
  readonly acknowledged: number;
  readonly isMaintenanceBusy: boolean;
  readonly restartMs: number;
}

/** One data directory from its making on, with all that was ever acknowledged in it. */
export class Life {
  readonly producers = [0, 1, 2].map((number) => new LedgerProducer(number, place));
  readonly side = new SideLoad(place.topic);
  readonly maintenance = new MaintenanceLoad();
  readonly #folder: string;
  readonly #broker: BrokerProcess;

  private constructor(folder: string, broker: BrokerProcess) {
    this.#folder = folder;
    this.#broker = broker;
  }

  static async begin(): Promise<Life> {
    const dataFolder = makeTemporaryFolder("crash");
    const broker = await startBroker({ dataFolder, settings: busyMaintenance });
    const life = new Life(dataFolder, broker);
    const client = await RawClient.open(broker.port);
    await client.createTopic(place.topic, { partitions: place.partitions });
    client.close();
    await life.maintenance.prepare(broker.port);
    return life;
  }

  get acknowledgedCount(): number {
    return this.producers.reduce((sum, producer) => sum + producer.acknowledgedCount, 0);
  }

  /** Kills the broker under load, starts it again and looks at all that is there. */
  async round(isMaintenanceBusy: boolean): Promise<Round> {
    const acknowledged = await this.#killUnderLoad(isMaintenanceBusy);
    const startedMs = performance.now();
    await this.#broker.restart();
    const restartMs = Math.round(performance.now() - startedMs);
    expect(acknowledged).toBeGreaterThanOrEqual(acknowledgedMin);
    await this.#expectNoViolations();
    return { acknowledged, isMaintenanceBusy, restartMs };
  }

  /** Everything still under way is sent again and answered; then all of it must be there, once. */
  async drain(): Promise<void> {
    const running = this.producers.map((producer) => producer.run(this.#broker.port));
    await sleep(200);
    for (const producer of this.producers) producer.drain();
    await Promise.all(running);
    await this.#expectNoViolations();
    const told = this.producers.flatMap(({ acknowledged }) => acknowledged.map(([, each]) => each));
    expect(told.every((offsets) => !offsets.includes(undefined))).toBe(true);
  }

  async end(): Promise<void> {
    await this.#broker.stop();
    removeFolder(this.#folder);
  }

  /** Loads the broker, kills it some time past the least load; answers the acknowledgements. */
  async #killUnderLoad(isMaintenanceBusy: boolean): Promise<number> {
    const before = this.acknowledgedCount;
    const { port } = this.#broker;
    const load = this.producers.map((producer) => this.#keepRunning(producer));
    load.push(this.side.run(port));
    if (isMaintenanceBusy) load.push(this.maintenance.run(port));
    const enough = before + acknowledgedMin + Math.floor(Math.random() * 2_000);
    await waitUntil("enough is acknowledged", () => this.acknowledgedCount >= enough, 110_000);
    await sleep(Math.random() * 20);
    await this.#broker.kill();
    this.side.stop();
    this.maintenance.stop();
    await Promise.all(load);
    return this.acknowledgedCount - before;
  }

  /** Reconnects after retriable refusals for as long as the broker lives. */
  async #keepRunning(producer: LedgerProducer): Promise<void> {
    const isAlive = async (): Promise<boolean> => {
      await producer.run(this.#broker.port);
      await sleep(20);
      return RawClient.open(this.#broker.port).then(
        (client) => {
          client.close();
          return true;
        },
        () => false,
      );
    };
    while (await isAlive());
  }

  async #expectNoViolations(): Promise<void> {
    const client = await RawClient.open(this.#broker.port);
    const stored = new Map<number, StoredRecord[]>();
    for (let partition = 0; partition < place.partitions; partition += 1) {
      stored.set(partition, await client.readAll([place.topic, partition]));
    }
    client.close();
    const acknowledged = new Map(this.producers.flatMap((producer) => producer.acknowledged));
    expect(findViolations({ acknowledged, stored })).toEqual([]);
    expect(await this.side.findViolations(this.#broker.port)).toEqual([]);
    expect(await this.maintenance.findViolations(this.#broker.port)).toEqual([]);
  }
}
