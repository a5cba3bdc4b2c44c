import { XylemError } from "../../../base/errors.ts";
import type { KeptAppend } from "../../../log/idempotency/key-table.ts";
import type { RecordHeader } from "../../../protocol/record.ts";
import type { ProducedBatch } from "../../produce.ts";
import type { Topic } from "../../topics/topics.ts";
import type { RecordScope } from "../stored-record.ts";
import { noteHeaders } from "./append-note.ts";
import type { Idempotency } from "./idempotency.ts";
import type { PartitionKeys } from "./partition-keys.ts";

export interface KeyUseParts {
  readonly owner: Idempotency;
  readonly scope: RecordScope;
  readonly topic: Topic;
  readonly id: string;
}

/** One request with an idempotency key, from its beginning to its answer. */
export class KeyUse {
  readonly #parts: KeyUseParts;
  readonly #onEnd: () => void;
  readonly #tables = new Map<number, PartitionKeys>();

  constructor(parts: KeyUseParts, onEnd: () => void) {
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  /** The request is answered. */
  end(): void {
    for (const table of this.#tables.values()) table.leave();
    this.#onEnd();
  }

  /** Makes the tables of these partitions ready. Throws REQUEST_TIMED_OUT; it goes on meanwhile. */
  async load(partitions: Iterable<number>, timeoutMs: number): Promise<void> {
    const { owner, scope, topic } = this.#parts;
    const { deadlines } = scope.broker;
    const loads: Promise<boolean>[] = [];
    for (const index of partitions) {
      const table = owner.tableOf(scope, topic, index);
      this.#tables.set(index, table);
      table.enter();
      const loading = table.load();
      if (loading !== undefined) loads.push(loading.isDoneIn(deadlines, timeoutMs));
    }
    if ((await Promise.all(loads)).every((isLoaded) => isLoaded)) return;
    const detail = "the idempotency keys of the partition are still being read";
    throw new XylemError("REQUEST_TIMED_OUT", detail);
  }

  /**
   * What an earlier request with the key made in each partition; with another fingerprint it is
   * IDEMPOTENCY_KEY_REUSED, also where a partition that is loaded but not meant says so.
   */
  find(fingerprint: string): ReadonlyMap<number, KeptAppend> {
    const { owner, topic, id } = this.#parts;
    const found = new Map<number, KeptAppend>();
    for (const table of owner.tablesOf(topic)) {
      const kept = table.isStale ? undefined : table.find(id);
      if (kept === undefined) continue;
      if (kept.fingerprint !== fingerprint) {
        const detail = "this idempotency key came with other records before";
        throw new XylemError("IDEMPOTENCY_KEY_REUSED", detail);
      }
      found.set(table.place.log.index, kept);
    }
    return found;
  }

  /** Throws NOT_LEADER_OR_FOLLOWER where another node has led since, who may know the key. */
  check(): void {
    for (const { isStale, place } of this.#tables.values()) {
      if (!isStale) continue;
      const detail = `${place.topic.name}-${place.log.index} was led elsewhere meanwhile`;
      throw new XylemError("NOT_LEADER_OR_FOLLOWER", detail);
    }
  }

  headers(kept: Omit<KeptAppend, "baseOffset">): readonly RecordHeader[] {
    return noteHeaders(this.#parts.id, kept);
  }

  /** Keeps what was just appended, in the same turn. */
  keep({ index, appended }: ProducedBatch, fingerprint: string, nowMs: number): void {
    if (appended === undefined || appended.isDuplicate) return;
    const { owner, scope, id } = this.#parts;
    const { baseOffset, lastOffset, logAppendTimeMs } = appended;
    const timeMs = logAppendTimeMs < 0 ? nowMs : logAppendTimeMs;
    const recordCount = lastOffset - baseOffset + 1;
    this.#tables.get(index)?.keep(id, { fingerprint, baseOffset, recordCount, timeMs });
    owner.noteKept(scope.broker.settings["idempotency.keys.max"]);
  }
}
