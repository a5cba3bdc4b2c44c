import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";
import type { ReplicaStorage, TopicKey } from "../../ports/partition-storage.ts";
import type { PlacedPartition } from "./placed-partition.ts";
import { isUnsound } from "./replica-mending.ts";
import { ReplicaTries } from "./replica-tries.ts";

interface LogParts {
  readonly storage: ReplicaStorage;
  readonly log: Log;
}

/**
 * A node's log of one replica, once it is opened: it is cut where it is unsound, begins anew where
 * its files can not be used, and is closed to be opened again. When, its chain says.
 */
export class MendableLog {
  readonly #parts: LogParts;
  readonly #topic: TopicKey;
  readonly #partition: PlacedPartition;
  readonly tries = new ReplicaTries();
  #replica: ReplicaLog | undefined;
  /** What lies from here on is still to be cut. */
  #unsoundFrom = Infinity;
  /** What of it was damaged is aside; its chain has not filled it yet. */
  #isMended = false;
  /** What it knew as committed when it was closed to be opened again. */
  #committed = 0;

  constructor(parts: LogParts, topic: TopicKey, partition: PlacedPartition) {
    this.#parts = parts;
    this.#topic = topic;
    this.#partition = partition;
  }

  /** Undefined: it is not open. */
  get replica(): ReplicaLog | undefined {
    return this.#replica;
  }

  get isToBeMended(): boolean {
    if (this.#unsoundFrom < Infinity) return true;
    return this.#replica !== undefined && isUnsound(this.#replica);
  }

  get isToBeFilled(): boolean {
    return this.#isMended;
  }

  /**
   * Opens it. What can not be read again and again, and others have, begins anew; it stays aside.
   * `isNew`: as of ReplicaKey. Throws what `openReplica` does.
   */
  async open(mayStartOver: () => boolean, isNew: boolean): Promise<ReplicaLog> {
    const { storage, log } = this.#parts;
    const { index, settings } = this.#partition;
    if (this.tries.areFilesUnusable && mayStartOver()) {
      log.warn("a replica begins anew: its files can not be used", this.#fields);
      await storage.setAsidePartition(this.#topic, index);
      this.tries.succeeded();
      this.#unsoundFrom = Infinity;
    }
    const { name, id, isDense = false } = this.#topic;
    const replica = await storage.openReplica({ name, id, isDense, isNew }, index, settings);
    this.#isMended ||= storage.aside.has(this.#topic.name, index);
    if (replica.end < this.#committed) {
      const detail = `its log ends at ${replica.end}, ${this.#committed} was committed`;
      replica.halt(new XylemError("KAFKA_STORAGE_ERROR", detail));
    }
    this.#committed = 0;
    this.#replica = replica;
    this.catchUp();
    return replica;
  }

  /**
   * Once its chain goes on without it, it is cut back to what of it is sound; until then it is left
   * as it is. The files that hold what goes stay aside until the chain has filled it again. A torn
   * log that its chain begins anew with is cut likewise: nobody could copy what has holes. Answers
   * the log as it is then, opened anew where it had stopped.
   */
  async mend(replica: ReplicaLog, isTorn: boolean): Promise<ReplicaLog> {
    const { storage, log } = this.#parts;
    const { index, settings } = this.#partition;
    const { end } = replica;
    this.#unsoundFrom = Math.min(this.#unsoundFrom, replica.unsoundFrom ?? Infinity);
    let open = replica;
    if (replica.log.stopped !== undefined) {
      this.#replica = undefined;
      open = this.#replica = await storage.reopenReplica(this.#topic, index, settings);
      this.catchUp();
    }
    const from = Math.min(this.#unsoundFrom, open.unsoundFrom ?? Infinity);
    const fields = { ...this.#fields, from, end };
    if (isTorn) log.warn("a crash left holes in a log that is all there is: it is cut", fields);
    else log.warn("a replica is unsound: it is cut, and filled again by its chain", fields);
    await open.truncateUnsound(from);
    this.#unsoundFrom = Infinity;
    this.#isMended = true;
    return open;
  }

  /** Its topic may have become another since it was opened: nobody told what has no place yet. */
  catchUp(): void {
    const { settings } = this.#partition;
    if (this.#replica === undefined) return;
    const { log } = this.#replica;
    if (this.#replica.settings !== settings) log.configure(settings);
    if (this.#topic.isDense !== true) log.compaction?.allowGaps();
  }

  /** Its chain has filled it again: what was damaged is needed no more. */
  async noteFilled(): Promise<void> {
    const { storage, log } = this.#parts;
    this.#isMended = false;
    await this.#replica?.forgetSetAside();
    await storage.aside.forget(this.#topic.name, this.#partition.index);
    log.info("a replica that was damaged is whole again", this.#fields);
  }

  /** It is to be opened again, and has then what is committed. Its files are still to be left. */
  letGo(): void {
    this.#committed = this.#replica?.committed ?? 0;
    this.#replica = undefined;
  }

  /** It is this node's no more. Its files are still to be removed. */
  giveUp(): void {
    this.#replica = undefined;
  }

  get #fields() {
    return { topic: this.#topic.name, partition: this.#partition.index };
  }
}
