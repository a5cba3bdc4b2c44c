import { findViolations, ledgerKey, type StoredRecord } from "../../crash/ledger.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { nodePort } from "../campaign/fault-node.ts";
import type { FaultCluster } from "../campaign/fault-cluster.ts";
import type { Lane } from "../load/lane.ts";

const readWithinMs = 20_000;

/** Reads every record of the topics through their heads, once, and judges what was acknowledged. */
export class Audit {
  readonly #cluster: FaultCluster;
  readonly #topics: readonly string[];
  readonly #stored = new Map<string, StoredRecord[]>();

  constructor(cluster: FaultCluster, topics: readonly string[]) {
    this.#cluster = cluster;
    this.#topics = topics;
  }

  stored(topic: string, partition: number): StoredRecord[] {
    const key = `${topic}-${partition}`;
    const records = this.#stored.get(key) ?? [];
    this.#stored.set(key, records);
    return records;
  }

  /** Reads what came since the last time. */
  async readOn(): Promise<void> {
    for (const topic of this.#topics) {
      for (const { partition } of await this.#cluster.partitions(topic)) {
        let failure = "";
        const isRead = async (): Promise<boolean> => {
          failure = await this.#readPartition(topic, partition).then(() => "", String);
          return failure === "";
        };
        await waitUntil(`${topic}-${partition} is read`, isRead, readWithinMs).catch((error) => {
          throw new Error(`${String(error)}: ${failure}`);
        });
      }
    }
  }

  async #readPartition(topic: string, partition: number): Promise<void> {
    const records = this.stored(topic, partition);
    const places = await this.#cluster.partitions(topic);
    const leader = places.find((place) => place.partition === partition)?.leader ?? -1;
    const client = await RawClient.open(nodePort, this.#cluster.node(leader).address);
    try {
      const more = await client.readAll([topic, partition], records.length);
      for (const { offset, value } of more) records.push({ offset, value });
    } finally {
      client.close();
    }
  }

  /** Forgets what was read: `readOn` begins at the beginning. */
  forget(): void {
    this.#stored.clear();
  }

  /** What is wrong with what is stored, by what the writers were told. */
  judge(lanes: readonly Lane[]): string[] {
    return this.#topics.flatMap((topic) => {
      const own = lanes.filter((lane) => lane.topic === topic);
      const acknowledged = new Map(
        own.flatMap(({ partition, ledgers }) => {
          return [...ledgers].map(
            ([writer, told]) => [ledgerKey(writer, partition), told] as const,
          );
        }),
      );
      const stored = new Map(
        [...new Set(own.map(({ partition }) => partition))].map((partition) => {
          return [partition, this.stored(topic, partition)];
        }),
      );
      return findViolations({ acknowledged, stored }).map((violation) => `${topic}: ${violation}`);
    });
  }
}
