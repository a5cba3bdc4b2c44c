import { assert } from "../../base/assert.ts";
import { XylemError, type ErrorCode } from "../../base/errors.ts";
import { groupPartition } from "../../groups/group-partition.ts";
import { PendingWork } from "../pending-work.ts";
import type { GroupLog } from "./group-log.ts";
import { GroupShard, type ShardHost } from "./group-shard.ts";

const nothingToDo = new PendingWork(Promise.resolve());

/** The shards of all groups: one for each partition of `__consumer_offsets`, none without it. */
export class GroupShards {
  readonly #log: GroupLog;
  readonly #host: ShardHost;
  #shards: readonly GroupShard[] = [];
  #loading = nothingToDo;
  #unfollow: (() => void) | undefined;
  #isClosed = false;

  constructor(log: GroupLog, host: ShardHost) {
    this.#log = log;
    this.#host = host;
  }

  get all(): readonly GroupShard[] {
    this.open();
    return this.#shards;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Done when all groups there were at the start can be asked; or one of them, at any time. */
  loading(group?: string): PendingWork {
    this.open();
    if (group === undefined) return this.#loading;
    return this.find(group)?.loading ?? nothingToDo;
  }

  /** Begins to load the groups there are, unless it has: another node may have made the topic. */
  open(): void {
    if (this.#shards.length > 0 || this.#isClosed) return;
    if (this.#log.partitionCount > 0) this.#openAll();
  }

  /** Throws COORDINATOR_NOT_AVAILABLE when the topic can not be made. */
  async ensure(): Promise<void> {
    this.#refuseWhenClosed();
    if (this.#shards.length > 0) return;
    const isNew = this.#log.partitionCount === 0;
    try {
      await this.#log.create();
    } catch (error) {
      const why = error instanceof XylemError ? `: ${error.message}` : "";
      const text = `the offsets topic can not be made${why}`;
      throw new XylemError("COORDINATOR_NOT_AVAILABLE", text, { cause: error });
    }
    this.#refuseWhenClosed();
    if (this.#shards.length === 0) this.#openAll();
    // Nothing was ever written to a topic that was just made: no need to tell anybody to wait.
    if (isNew) await this.#loading.isDoneIn(this.#host.deadlines, this.#host.writeTimeoutMs());
  }

  /** The shard of a group, with its topic made on first need. Throws as `ensure`. */
  async of(group: string): Promise<GroupShard> {
    await this.ensure();
    const shard = this.find(group);
    assert(shard !== undefined, "the offsets topic has partitions");
    return shard;
  }

  find(group: string): GroupShard | undefined {
    this.open();
    if (this.#shards.length === 0) return undefined;
    return this.#shards[groupPartition(group, this.#shards.length)];
  }

  /** What it means that there are no shards. */
  absence(): ErrorCode | null {
    return this.#isClosed ? "COORDINATOR_NOT_AVAILABLE" : null;
  }

  groupCount(): number {
    return this.#shards.reduce((count, shard) => count + shard.groupCount, 0);
  }

  /** The topic is gone, and with it all groups. */
  forget(): void {
    this.#unfollow?.();
    for (const shard of this.#shards) shard.close();
    this.#shards = [];
  }

  /** Answers every waiting call. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unfollow?.();
    for (const shard of this.#shards) shard.close();
    await this.#loading.done;
  }

  #openAll(): void {
    const count = this.#log.partitionCount;
    const shards = Array.from({ length: count }, (_, index) => new GroupShard(index, this.#host));
    this.#shards = shards;
    this.#loading = new PendingWork(loadAll(shards));
    this.#unfollow = this.#log.onMoved?.((partition) => this.#renew(partition));
  }

  /** A partition is served here from now on, and read anew; or it is not: its groups are gone. */
  #renew(partition: number): void {
    const shard = new GroupShard(partition, this.#host);
    this.#shards[partition]?.close();
    this.#shards = this.#shards.map((other, index) => (index === partition ? shard : other));
    void shard.load();
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new XylemError("COORDINATOR_NOT_AVAILABLE", "the node stops");
  }
}

async function loadAll(shards: readonly GroupShard[]): Promise<void> {
  await Promise.all(shards.map((shard) => shard.load()));
}
