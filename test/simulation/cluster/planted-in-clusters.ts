import type { Plant } from "../plant-faults.ts";

export interface ClusterPlant {
  /** What the product does with it. */
  readonly bug: string;
  readonly checker: string;
  readonly plants: readonly Plant[];
  /** Runs that meet it, as they were found; any will do. */
  readonly seeds: readonly number[];
}

const at = (file: string, text: string, instead: string): Plant => ({ file, text, instead });
const replica = "replication/chain-replica.ts";

/** Bugs in the paths between a chain and the doors, each with who has to notice. */
export const plantedInClusters: readonly ClusterPlant[] = [
  {
    bug: "a head commits what it alone has",
    checker: "acknowledged stays",
    plants: [
      at(
        "replication/followers.ts",
        "if (this.successor.member !== undefined) least",
        "if (this.successor.member === null) least",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "a head commits after its lease is gone",
    checker: "one head an epoch",
    plants: [at(replica, "!isAble || !this.ports.lease.holds(nowMs)", "!isAble")],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "a node whose lease is gone serves as if nothing were",
    checker: "one head an epoch",
    plants: [
      at(
        "replication/lease-term.ts",
        "return nowMs < holdsUntilMs && imageRevision >= sinceRevision;",
        "return holdsUntilMs !== 0 && nowMs >= 0 && imageRevision >= -1 && sinceRevision >= 0;",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "a head whose chain is shorter than min.insync.replicas commits",
    checker: "enough replicas",
    plants: [
      at(
        replica,
        'return this.#isTooShort ? "NOT_ENOUGH_REPLICAS" : undefined;',
        "return undefined;",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "files of partitions that have moved away stay",
    checker: "nothing is stuck",
    plants: [
      at(
        "replicas/kept-replica.ts",
        "await remove(this.topic, this.partition.index);",
        "void remove;",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "what came with an idempotency key is stored again after the head has changed",
    checker: "once and in order",
    plants: [
      at(
        "idempotency/load-keys.ts",
        "if (found !== undefined) table.add(...found, nowMs, limits);",
        "void found;",
      ),
    ],
    seeds: [1, 2, 7, 8, 10, 12, 14, 16, 17, 18],
  },
  {
    bug: "records count as deleted before every replica has deleted them",
    checker: "deleted stays deleted",
    plants: [
      at("broker/delete-records.ts", "await whenDeleted(partition, logStart, wait);", "void wait;"),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "nobody hears that a replica is damaged",
    checker: "damage heals",
    plants: [
      at(
        "chains/chain-shell.ts",
        "onDamaged(): void {\n    if (!this.#isOver) this.#host.onUnfit();",
        "onDamaged(): void {",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "a joiner begins within a batch",
    checker: "nothing is stuck",
    plants: [
      at("replication/downstream.ts", "(core.ports.begin() ?? marks.logStart)", "marks.logStart"),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "what an idempotent producer repeats is stored again",
    checker: "once and in order",
    plants: [
      at(
        "append/partition-appends.ts",
        "if (stored !== undefined) return describeDuplicate(stored, batch);",
        "void [stored, describeDuplicate];",
      ),
    ],
    seeds: [1, 2, 3, 4, 5, 6],
  },
  {
    bug: "a retry is answered although the original is not committed (dup-wait)",
    checker: "acknowledged stays",
    plants: [
      at(
        "broker/produce.ts",
        "const next = (batch.appended as Appended).lastOffset + 1;",
        "const { isDuplicate, lastOffset } = batch.appended as Appended;\n" +
          "    const next = isDuplicate ? 0 : lastOffset + 1;",
      ),
    ],
    seeds: [223, 316, 656],
  },
  {
    bug: "what is remembered as committed was not flushed (checkpoint)",
    checker: "nothing is stuck",
    plants: [
      at(
        "partition/partition.ts",
        "return Math.min(this.committed, flushed, this.replica?.countedUpTo ?? Infinity);",
        "return Math.max(this.committed, 0 * flushed);",
      ),
    ],
    seeds: [192, 251, 1021, 1144],
  },
];
