import { XylemError } from "../../../base/errors.ts";
import type { Disk } from "../../ports/disk.ts";
import type { Topic } from "../../topics/topics.ts";
import { findPartition } from "../find-partition.ts";
import type { RecordScope } from "../stored-record.ts";
import { type IdempotencyKey, keyId } from "./append-note.ts";
import { KeyUse } from "./key-use.ts";
import { PartitionKeys } from "./partition-keys.ts";

/** Keys between two looks at how many there are. */
const countedEvery = 1_024;

/**
 * The idempotency keys of requests that append (doors.md). Each partition has a table of its own,
 * made from what the records themselves tell, and a file that spares reading them all again. What
 * nobody uses is never loaded; past `idempotency.keys.max` the table unused longest is let go.
 */
export class Idempotency {
  readonly #disk: Disk;
  /** The one used last comes last. */
  readonly #tables = new Map<Topic, Map<number, PartitionKeys>>();
  readonly #inFlight = new Set<string>();
  #keptCount = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Until it is ended no other request has the key. Throws IDEMPOTENCY_KEY_IN_FLIGHT. */
  begin(scope: RecordScope, topic: Topic, key: IdempotencyKey): KeyUse {
    this.#unsubscribe ??= scope.broker.topics.onDeleted((gone) => this.#tables.delete(gone));
    const id = keyId(key, topic.id);
    const place = `${topic.name}/${id}`;
    if (this.#inFlight.has(place)) {
      const detail = "a request with this idempotency key is under way";
      throw new XylemError("IDEMPOTENCY_KEY_IN_FLIGHT", detail);
    }
    this.#inFlight.add(place);
    return new KeyUse({ owner: this, scope, topic, id }, () => this.#inFlight.delete(place));
  }

  /** The table of a partition, loaded or not. Throws UNKNOWN_TOPIC_OR_PARTITION. */
  tableOf(scope: RecordScope, topic: Topic, index: number): PartitionKeys {
    const tables = this.#tables.get(topic) ?? new Map<number, PartitionKeys>();
    this.#tables.delete(topic);
    this.#tables.set(topic, tables);
    let table = tables.get(index);
    if (table === undefined || table.isStale) {
      const log = findPartition(topic, index);
      table = new PartitionKeys({ scope, disk: this.#disk, topic, log });
    }
    tables.delete(index);
    tables.set(index, table);
    return table;
  }

  /** The topic's tables that are there. */
  tablesOf(topic: Topic): Iterable<PartitionKeys> {
    return this.#tables.get(topic)?.values() ?? [];
  }

  /** A key was added: now and then it is looked whether there are too many. */
  noteKept(keysMax: number): void {
    this.#keptCount += 1;
    if (this.#keptCount % Math.min(countedEvery, keysMax) === 0) this.#dropBeyond(keysMax);
  }

  /** Stores what the log would have to tell otherwise. */
  async close(): Promise<void> {
    this.#unsubscribe?.();
    for (const tables of this.#tables.values()) {
      for (const table of tables.values()) {
        // One may be under way that does not have the last keys.
        await table.store();
        await table.store();
      }
    }
  }

  #dropBeyond(keysMax: number): void {
    let count = 0;
    for (const tables of this.#tables.values()) {
      for (const { size } of tables.values()) count += size;
    }
    for (const tables of this.#tables.values()) {
      for (const [index, table] of tables) {
        if (count <= keysMax) return;
        if (table.isBusy) continue;
        count -= table.size;
        tables.delete(index);
        void table.store();
      }
    }
  }
}
