import { XylemError } from "../../../base/errors.ts";
import { formatKeys, keysFileName } from "../../../log/idempotency/key-table-file.ts";
import { type KeptAppend, KeyTable } from "../../../log/idempotency/key-table.ts";
import { PendingWork } from "../../pending-work.ts";
import { replaceFile } from "../../partition/directory/replace-file.ts";
import { keyLimits } from "./key-limits.ts";
import { type KeysPlace, loadKeys } from "./load-keys.ts";

/** Keys, and bytes of the log, after which a table is stored: a start need not read them again. */
const storedEveryKeys = 10_000;
const storedEveryBytes = 67_108_864;

/** The idempotency keys of one partition: read at first use, stored from time to time. */
export class PartitionKeys {
  readonly place: KeysPlace;
  readonly #table = new KeyTable();
  #loading: PendingWork | undefined;
  #isLoaded = false;
  #unstoredKeys = 0;
  /** Requests that use it, and appends that may still be taken back. */
  #uses = 0;
  #storing: Promise<void> | undefined;
  #hasStopped = false;
  readonly #term: number | undefined;

  constructor(place: KeysPlace) {
    this.place = place;
    this.#term = place.log.term;
  }

  /**
   * The partition stopped, and what the log holds is known after the next start; or other nodes led
   * it meanwhile: there are keys that are not here, and appends here that are no more.
   */
  get isStale(): boolean {
    return this.#hasStopped || this.place.log.term !== this.#term;
  }

  get size(): number {
    return this.#table.size;
  }

  /** It can not be dropped: what the log tells is not all that there is. */
  get isBusy(): boolean {
    return this.#uses > 0 || (this.#loading !== undefined && !this.#isLoaded);
  }

  /** It stays until it is left. */
  enter(): void {
    this.#uses += 1;
  }

  leave(): void {
    this.#uses -= 1;
  }

  /** Undefined: it is loaded. */
  load(): PendingWork | undefined {
    if (this.#isLoaded) return undefined;
    const again = (error: unknown): never => {
      this.#loading = undefined;
      throw error;
    };
    this.#loading ??= new PendingWork(this.#load().catch(again));
    return this.#loading;
  }

  find(id: string): KeptAppend | undefined {
    const { clock, settings } = this.place.scope.broker;
    return this.#table.find(id, clock.nowMs(), keyLimits(settings));
  }

  /** A batch was just appended; when it is taken back its key is free again. */
  keep(id: string, kept: KeptAppend): void {
    const { log, scope } = this.place;
    const { clock, settings } = scope.broker;
    this.#table.add(id, kept, clock.nowMs(), keyLimits(settings));
    this.#uses += 1;
    this.#unstoredKeys += 1;
    log.whenHeld(kept.baseOffset + kept.recordCount, (error) => {
      this.#uses -= 1;
      if (error === undefined) return;
      this.#table.remove(id, kept);
      this.#hasStopped ||= !(error instanceof XylemError) || error.code !== "DISK_FULL";
    });
    if (this.#unstoredKeys >= storedEveryKeys) void this.store();
  }

  /** Never rejects: what is not stored is read from the log. */
  store(): Promise<void> {
    this.#storing ??= this.#store().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #load(): Promise<void> {
    const scannedBytes = await loadKeys(this.#table, this.place);
    this.#isLoaded = true;
    if (scannedBytes < storedEveryBytes) return;
    this.#unstoredKeys = Math.max(1, this.#unstoredKeys);
    void this.store();
  }

  async #store(): Promise<void> {
    const { scope, disk, topic, log } = this.place;
    const { broker, tools } = scope;
    const isGone = broker.topics.find(topic.name) !== topic;
    if (isGone || this.isStale || this.#unstoredKeys === 0) return;
    const unstoredBefore = this.#unstoredKeys;
    // A power cut takes nothing of what is flushed, and so nothing that the file tells of.
    const nextOffset = Math.min(log.flushed, log.committed);
    const entries = [...this.#table.entries()].filter(
      ([, { baseOffset, recordCount }]) => baseOffset + recordCount <= nextOffset,
    );
    const bytes = formatKeys({ topicId: topic.id, nextOffset, entries }, tools.crc32c);
    const directory = `${topic.name}-${log.index}`;
    try {
      await replaceFile(disk, { directory, name: keysFileName }, bytes);
      this.#unstoredKeys -= unstoredBefore;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      broker.log.warn("idempotency keys were not stored", { partition: directory, why });
    }
  }
}
