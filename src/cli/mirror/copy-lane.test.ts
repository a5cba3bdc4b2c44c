import { afterEach, beforeEach, expect, test } from "vitest";
import { MirrorDoors } from "../../../test/support/mirror-doors.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";
import { CopyLane } from "./copy-lane.ts";
import type { KafkaCluster } from "./kafka-cluster.ts";
import { MirrorMarks } from "./mirror-marks.ts";
import { MirrorPace } from "./mirror-pace.ts";
import { MirrorReport } from "./mirror-report.ts";
import { PartitionCopy } from "./partition-copy.ts";
import { WireFailure } from "./wire-failure.ts";

type Call = KafkaCluster["callNode"];

const early = ["a", "b", "c"];
const late = ["d", "e"];
let doors: MirrorDoors;

beforeEach(async () => {
  doors = await MirrorDoors.open();
  for (const client of [doors.sender, doors.reader]) await client.createTopic("orders");
});
afterEach(() => doors.close());

async function topicAt(cluster: KafkaCluster) {
  const [topic] = (await cluster.readMetadata(["orders"])).topics;
  const [place] = topic?.partitions ?? [];
  if (topic === undefined || place === undefined) throw new Error("orders-0 is not there");
  return { id: topic.topicId, index: 0, leaderId: place.leaderId, leaderEpoch: place.leaderEpoch };
}

/** A cluster of which some calls wait, or fail. */
function held(cluster: KafkaCluster, before: Hold, after: Hold = nothing) {
  const callNode = async (...asked: Parameters<Call>): Promise<unknown> => {
    await before(asked[1]);
    const answer = await cluster.callNode(...asked);
    await after(asked[1]);
    return answer;
  };
  return { callNode } as unknown as KafkaCluster;
}

type Hold = (name: string) => Promise<void>;

const nothing = (): Promise<void> => Promise.resolve();

test("what a former leader answers late is not taken for what is copied next", async () => {
  const copy = new PartitionCopy("orders", 0);
  const [source, target] = await Promise.all(Object.values(doors.ends).map(topicAt));
  if (source === undefined || target === undefined) throw new Error("a topic is not there");
  copy.follow({ topicId: source.id, targetId: target.id }, source, target);
  await doors.send("orders", early);

  let ownerLane = 1;
  const [append, answer, fetch] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  if (append === undefined || answer === undefined || fetch === undefined) throw new Error();
  let appends = 0;
  const refusing = held(doors.ends.target, async (name) => {
    if (name !== "Produce" || (appends += 1) > 1) return;
    await append.promise;
  });
  let fetches = 0;
  const first = held(doors.ends.source, nothing, async (name) => {
    if (name === "Fetch" && (fetches += 1) === 2) await answer.promise;
  });
  const second = held(doors.ends.source, (name) =>
    name === "Fetch" ? fetch.promise : Promise.resolve(),
  );
  const stop = new AbortController();
  const run = (lane: number, from: KafkaCluster): Promise<void> => {
    const marks = new MirrorMarks(doors.ends.target, "cluster");
    const report = new MirrorReport(() => undefined);
    const pace = new MirrorPace(Infinity, 1_000_000);
    const copies = () => (ownerLane === lane ? [copy] : []);
    const told = { onMoved: () => undefined, onProgress: () => undefined };
    const parts = { source: from, target: refusing, marks, report, pace, copies, ...told };
    return new CopyLane(source.leaderId, { ...parts, fetchWaitMs: 2_000 }).run(stop.signal);
  };

  const lanes = [run(1, first)];
  await waitUntil("the first records are on their way", () => appends === 1);
  await doors.send("orders", late);
  await waitUntil("the next ones are fetched", () => fetches === 2);
  ownerLane = 2;
  append.reject(new WireFailure("lost", { isNetwork: true }));
  await waitUntil("the target is to be asked", () => copy.position === undefined);
  lanes.push(run(2, second));
  await waitUntil("the other lane begins at the target's end", () => copy.position === 0);
  answer.resolve();
  await new Promise((done) => setTimeout(done, 50));
  fetch.resolve();
  await waitUntil("all is copied", () => copy.copied === early.length + late.length);
  stop.abort();
  await Promise.all(lanes);
  expect(await doors.valuesAtTarget("orders")).toEqual([...early, ...late]);
});
