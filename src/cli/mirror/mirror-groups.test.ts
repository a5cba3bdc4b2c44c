import { afterEach, beforeEach, expect, test } from "vitest";
import { MirrorDoors } from "../../../test/support/mirror-doors.ts";
import { formatUuid } from "../../base/uuid.ts";
import { MirrorGroups } from "./mirror-groups.ts";
import { commitOffsets, fetchOffsets } from "./mirror-marks.ts";
import { MirrorReport } from "./mirror-report.ts";

const topic = "orders";
let doors: MirrorDoors;
let groups: MirrorGroups;
let report: MirrorReport;
let sourceId: string;

beforeEach(async () => {
  doors = await MirrorDoors.open();
  report = new MirrorReport(() => undefined);
  groups = new MirrorGroups(doors.ends, report);
  for (const client of [doors.sender, doors.reader]) await client.createTopic(topic);
  const offset = { topic, index: 0, offset: 2, metadata: null };
  const { source } = doors.ends;
  sourceId = formatUuid((await source.readMetadata([topic])).topics[0]?.topicId as Uint8Array);
  await commitOffsets(source, "workers", [offset]);
});

afterEach(() => doors.close());

async function atTarget(): Promise<number[]> {
  return (await fetchOffsets(doors.ends.target, "workers")).map(({ offset }) => offset);
}

test("an offset waits while it is not known to mean the same at the target", async () => {
  expect(await groups.sync(() => ({ sourceId, sameUpTo: undefined }))).toBe(1);
  expect(await groups.sync(() => ({ sourceId, sameUpTo: 1 }))).toBe(1);
  expect(await atTarget()).toEqual([]);
  expect(await groups.sync(() => ({ sourceId, sameUpTo: 2 }))).toBe(0);
  expect(await atTarget()).toEqual([2]);
});

test("so does one of a topic that was made anew since the copy was looked at", async () => {
  const before = "AAAAAAAAAAAAAAAAAAAAAQ";
  expect(await groups.sync(() => ({ sourceId: before, sameUpTo: 10 }))).toBe(1);
  expect(await atTarget()).toEqual([]);
});

test("a group that goes at the source, or has nothing to copy, is no stall any more", async () => {
  report.stall("group workers", { message: "its coordinator has moved" });
  await groups.sync(() => undefined);
  expect([...report.stalls]).toEqual([]);
  report.stall("group workers", { message: "its coordinator has moved" });
  await doors.ends.source.callAny("DeleteGroups", { groupsNames: ["workers"] });
  await groups.sync(() => ({ sourceId, sameUpTo: 2 }));
  expect([...report.stalls]).toEqual([]);
});
