import { afterEach, beforeEach, expect, test } from "vitest";
import { MirrorDoors } from "../../../test/support/mirror-doors.ts";
import { batchOf } from "../../../test/support/raw-client.ts";
import type { KafkaCluster } from "./kafka-cluster.ts";
import { MirrorMarks } from "./mirror-marks.ts";
import { MirrorReport } from "./mirror-report.ts";
import { PartitionCopy } from "./partition-copy.ts";
import { resumeCopy } from "./resume-copy.ts";

const report = new MirrorReport(() => undefined);
const other = new Uint8Array(16).fill(1);
let doors: MirrorDoors;
let marks: MirrorMarks;
let copy: PartitionCopy;

beforeEach(async () => {
  doors = await MirrorDoors.open();
  marks = new MirrorMarks(doors.ends.target, "cluster");
  const batch = batchOf(["the same"]);
  for (const client of [doors.sender, doors.reader]) {
    await client.createTopic("orders");
    await client.produce(["orders", 0], batch);
  }
  copy = new PartitionCopy("orders", 0);
  const [source, target] = await Promise.all(Object.values(doors.ends).map(seenAt));
  if (source === undefined || target === undefined) throw new Error("a topic is not there");
  copy.follow({ topicId: source.id, targetId: target.id }, source, target);
});

afterEach(() => doors.close());

async function seenAt(cluster: KafkaCluster) {
  const [topic] = (await cluster.readMetadata(["orders"])).topics;
  const [place] = topic?.partitions ?? [];
  if (topic === undefined || place === undefined) throw new Error("orders-0 is not there");
  return { id: topic.topicId, index: 0, leaderId: place.leaderId, leaderEpoch: place.leaderEpoch };
}

test("a log that is the source's is gone on from", async () => {
  await resumeCopy(copy, { ...doors.ends, marks, report });
  expect([copy.position, copy.sameUpTo, copy.lag]).toEqual([1, 1, 0]);
});

test("a log of another topic of the source is not, whatever its newest batch is", async () => {
  await marks.write(["orders", 0], 1, { sourceId: "AAAAAAAAAAAAAAAAAAAAAQ", start: 0 });
  const resuming = resumeCopy(copy, { ...doors.ends, marks, report });
  await expect(resuming).rejects.toThrow(/made anew at the source.*: delete it at the target/);
  expect([copy.position, copy.sameUpTo, copy.lag]).toEqual([undefined, undefined, 1]);
});

test("an empty log is begun, whatever was noted of one before it", async () => {
  await doors.reader.deleteTopic("orders");
  await doors.reader.createTopic("orders");
  await marks.write(["orders", 0], 1, { sourceId: "AAAAAAAAAAAAAAAAAAAAAQ", start: 0 });
  await resumeCopy(copy, { ...doors.ends, marks, report });
  expect([copy.position, copy.sameUpTo, copy.lag]).toEqual([0, 0, 1]);
  expect(await marks.find("orders", 0)).toEqual({ sourceId: copy.sourceId, start: 0 });
});

test("an end that was asked for before a topic was made anew is not gone on from", async () => {
  const resuming = resumeCopy(copy, { ...doors.ends, marks, report });
  const place = { index: 0, leaderId: copy.targetLeaderId, leaderEpoch: -1 };
  copy.follow({ topicId: copy.topicId, targetId: other }, place, place);
  await expect(resuming).rejects.toThrow(/made anew meanwhile/);
  expect([copy.position, copy.sameUpTo]).toEqual([undefined, undefined]);
});
