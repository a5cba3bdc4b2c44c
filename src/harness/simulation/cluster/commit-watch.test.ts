import { expect, test } from "vitest";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import { formatUuid, zeroUuid } from "../../../base/uuid.ts";
import { PlacedPartition } from "../../../broker/cluster/replicas/placed-partition.ts";
import type { RunningChain } from "../../../broker/cluster/replicas/running-chain.ts";
import type { AdvanceListener, PartitionLog } from "../../../broker/partition/partition-log.ts";
import type { SimulatedStore } from "../../../simulation/simulated-store.ts";
import type { NewEvent, World } from "../world.ts";
import type { ClusteredProcess } from "./clustered-process.ts";
import { CommitWatch } from "./commit-watch.ts";

/** A log whose committed offset moves when it is told to. */
function logOf() {
  const listeners = new Set<AdvanceListener>();
  const log = {
    committed: 0,
    onAdvance: (listener: AdvanceListener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const commit = (offset: number): void => {
    log.committed = offset;
    for (const listener of listeners) listener();
  };
  return { log: log as unknown as PartitionLog, commit };
}

test("who has heard of a later epoch commits in the one that its replica is in", () => {
  const events: NewEvent[] = [];
  const clock = { schedule: () => () => {} };
  const world = { clock, record: (event: NewEvent) => events.push(event) } as unknown as World;
  const store = { find: () => undefined } as unknown as SimulatedStore;
  const settings = defaultTopicSettings;
  const partition = new PlacedPartition({ topic: "t", index: 0 }, settings, () => true);
  const topics = { list: () => [{ id: zeroUuid, partitions: [partition] }] };
  const broker = { topics, cluster: { nodeId: 1, incarnation: "a life" } };
  new CommitWatch(world, store).follow({ isDead: false, broker } as unknown as ClusteredProcess);

  const { log, commit } = logOf();
  const chain = { epoch: 3, memberCount: 3 } as RunningChain;
  partition.place({ epoch: 4, headId: 2, log, isServed: true, chain });
  commit(5);
  // It has done as the chain says: nothing is committed here.
  partition.place({ epoch: 4, headId: 2, log, isServed: false, chain: { ...chain, epoch: 4 } });
  commit(6);
  const by = { nodeId: 1, incarnation: "a life" };
  const place = { partition: `${formatUuid(zeroUuid)}-0`, epoch: 3, by };
  expect(events).toEqual([{ kind: "commits", ...place, isLeased: false, memberCount: 3 }]);
});
