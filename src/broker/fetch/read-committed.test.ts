import { expect, test } from "vitest";
import { append, runPass } from "../../../test/support/log-directory.ts";
import { openTopicsWorld } from "../../../test/support/topics-world.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import { joinBytes } from "../../base/bytes.ts";
import { decodeUtf8 } from "../../base/text.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Partition } from "../partition/partition.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { FetchPartition } from "./fetch-partition.ts";
import { FetchPass } from "./fetch-pass.ts";

const compacted = { "cleanup.policy": "compact", "internal.segment.bytes": "600" };
const limits = { sizeBytesMax: 1e6, readCommitted: true, budget: undefined };
const wish = { fetchOffset: 0, sizeBytesMax: 1e6, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };

async function fill(log: PartitionLog): Promise<void> {
  for (let count = 0; count < 12; count += 1) await append(log, ["plain"], { key: `${count % 3}` });
}

/** A transaction that is aborted in the first segment, and files that nobody has looked at. */
async function abortedLog(disk: SimulatedDisk) {
  const before = await openTopicsWorld(disk);
  await before.create("orders", compacted);
  const log = before.partition("orders");
  const producer = new TransactionalProducer(1);
  producer.send(log, ["aborted"], "key");
  producer.end(log, "abort");
  producer.send(log, ["committed"], "key");
  producer.end(log, "commit");
  await allCommitted(log);
  await fill(log);
  await before.close();
  const world = await openTopicsWorld(disk);
  return { world, partition: world.partition("orders") as Partition };
}

test("aborted records that were read before two passes of compaction stay unseen", async () => {
  const disk = new SimulatedDisk();
  const { world, partition } = await abortedLog(disk);
  const [looked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  disk.fault = (operation, path) => {
    if (operation !== "readFile" || !path.endsWith(".txnindex")) return undefined;
    disk.fault = () => undefined;
    looked.resolve();
    return goOn.promise;
  };
  const wanted = new FetchPartition(world.topics.find("orders"), 0, wish);
  const fetching = new FetchPass(world.topics, [wanted], limits).run();
  await looked.promise;
  expect(await runPass(partition, world.clock)).toBeDefined();
  await fill(partition);
  expect(await runPass(partition, world.clock)).toBeDefined();
  expect(await partition.abortedTransactions(0, partition.end)).toEqual([]);
  goOn.resolve();
  await fetching;
  const text = decodeUtf8(joinBytes(wanted.chunks));
  expect([text.includes("committed"), text.includes("aborted")]).toEqual([true, false]);
});
