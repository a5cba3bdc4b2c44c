import { afterEach, beforeEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../test/support/cluster-world.ts";
import { XylemError } from "../../base/errors.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import { listOffset, offsetTimes } from "../list-offsets.ts";
import type { Durability } from "../partition/partition-log.ts";
import type { Partition } from "../partition/partition.ts";
import type { ProducedBatch } from "../produce.ts";

let world: ClusterWorld;
beforeEach(async () => {
  world = await ClusterWorld.open(3);
});
afterEach(() => world.close());

const all = [1, 2, 3];
const partitionAt = (id: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition;
const endAt = (id: number): number => partitionAt(id).placement.log?.end ?? -1;
const committedAt = (id: number): number => partitionAt(id).placement.log?.committed ?? -1;

async function create(replicasMin = 1): Promise<void> {
  const configs = new Map([["min.insync.replicas", String(replicasMin)]]);
  await world.create(1, "orders", { replicas: 3, configs });
  await world.driveUntil("there is a head", () => headId() > 0);
}

function headId(ids = all): number {
  return ids.find((id) => partitionAt(id).absence === undefined) ?? -1;
}

/** As one node knows them, head first. */
function membersAt(id: number): number[] {
  const [chain] = world.node(id).cluster.image.chains.values();
  return chain?.config.members.map((member) => member.id) ?? [];
}

async function send(
  id: number,
  values: string[],
  acks = -1,
  durability?: Durability,
): Promise<ProducedBatch> {
  return await world.send(id, "orders", batchOf(values), { acks, durability });
}

const othersOf = (id: number): number[] => all.filter((one) => one !== id);

test("what the head answers for is on every node, and soon committed there", async () => {
  await create();
  const { error, appended } = await send(headId(), ["a", "b"]);
  expect(error).toBeUndefined();
  expect(appended?.lastOffset).toBe(1);
  expect(all.map(endAt)).toEqual([2, 2, 2]);
  const areTold = (): boolean => all.every((id) => committedAt(id) === 2);
  await world.driveUntil("all know that it is committed", areTold, { withinMs: 1_000 });
});

test("a head that dies is followed by its successor, and joins again behind", async () => {
  await create();
  const former = world.node(headId());
  await send(former.id, ["a"]);
  former.crash();
  await world.driveUntil("there is another head", () => headId(othersOf(former.id)) > 0);
  const next = headId(othersOf(former.id));
  expect((await send(next, ["b"])).appended?.baseOffset).toBe(1);
  await world.drive(world.start(former.id, {}, former.disk));
  await world.driveUntil("it is a member again", () => membersAt(next).length === 3);
  expect(membersAt(next).at(-1)).toBe(former.id);
  await send(next, ["c"]);
  expect(all.map(endAt)).toEqual([3, 3, 3]);
});

test("a head that stops in order hands over first: what it alone has is not lost", async () => {
  await create();
  const former = world.node(headId());
  const [, successor = 0] = membersAt(former.id);
  await send(former.id, ["a"]);
  world.network.block(former.id, successor);
  expect((await send(former.id, ["b"], 1)).error).toBeUndefined();
  const stopping = former.stop();
  world.clock.schedule(1_000, () => world.network.unblock(former.id, successor));
  await stopping;
  await world.driveUntil("another is the head", () => headId(othersOf(former.id)) > 0);
  const next = headId(othersOf(former.id));
  expect(endAt(next)).toBe(2);
  const reasons = all.flatMap((id) => world.node(id).log.withLevel("info"));
  expect(reasons.map(({ fields }) => fields["reason"])).toContain(
    `node ${former.id} has handed over`,
  );
  expect((await send(next, ["c"])).error).toBeUndefined();
});

test("acks=all is refused by a chain shorter than min.insync.replicas; acks=1 is not", async () => {
  await create(3);
  const head = headId();
  expect((await send(head, ["a"])).error).toBeUndefined();
  world.node(othersOf(head)[0] as number).crash();
  await world.driveUntil("it is cut out", () => membersAt(head).length === 2);
  expect((await send(head, ["b"])).error?.code).toBe("NOT_ENOUGH_REPLICAS");
  expect((await send(head, ["b"], 1)).error).toBeUndefined();
  expect(committedAt(head)).toBe(1);
});

test("whoever waits when the chain becomes too short is told so; the record stays", async () => {
  await create(3);
  const head = headId();
  const silent = world.node(membersAt(head)[2] as number);
  silent.crash();
  const sent = await send(head, ["a"]);
  expect(sent.error?.code).toBe("NOT_ENOUGH_REPLICAS_AFTER_APPEND");
  expect(endAt(head)).toBe(1);
});

test("a new head does not tell the latest offset before it has committed all it has", async () => {
  await create();
  const former = headId();
  const [, middle = 0, tail = 0] = membersAt(former);
  await send(former, ["a"]);
  await world.driveUntil("all know that it is committed", () =>
    all.every((id) => committedAt(id) === 1),
  );
  // The tail hears nothing more; the middle has what nobody has committed.
  world.network.block(middle, tail);
  await send(former, ["b"], 1);
  await world.driveUntil("the middle has it", () => endAt(middle) === 2);
  world.node(former).crash();
  await world.driveUntil("the middle is the head", () => headId([middle, tail]) === middle);
  const latest = { timestampMs: offsetTimes.latest, readCommitted: false, currentLeaderEpoch: -1 };
  await expect(listOffset(partitionAt(middle), latest)).rejects.toMatchObject({
    code: "OFFSET_NOT_AVAILABLE",
  });
  world.network.unblock(middle, tail);
  await world.driveUntil("it has committed all", () => committedAt(middle) === 2);
  expect((await listOffset(partitionAt(middle), latest)).offset).toBe(2);
});

test("a log start that the head has moved moves on every node", async () => {
  await create();
  const head = headId();
  await send(head, ["a"]);
  await send(head, ["b"]);
  await world.drive(partitionAt(head).deleteRecordsBefore(1));
  const startAt = (id: number): number => partitionAt(id).placement.log?.logStart ?? -1;
  await world.driveUntil("it has moved", () => all.every((id) => startAt(id) === 1));
});

test("a node that was away catches up, a window at a time", async () => {
  await create();
  const head = headId();
  const away: ClusterNode = world.node(membersAt(head)[2] as number);
  await away.stop();
  const value = "x".repeat(200_000);
  for (let at = 0; at < 20; at += 1) await send(head, [value, value, value], 1);
  await world.drive(world.start(away.id, { "replica.window.bytes": 65_536 }, away.disk));
  await world.driveUntil("it is a member again", () => membersAt(head).length === 3);
  expect(endAt(away.id)).toBe(endAt(head));
});

for (const durability of ["os", "fsync"] as const) {
  test(`who asks for durability=${durability} is answered by the whole chain too`, async () => {
    await create();
    const head = headId();
    const [, middle = 0, tail = 0] = membersAt(head);
    world.network.block(middle, tail);
    const early = await send(head, ["a"], -1, durability);
    expect(early.error?.code).toBe("REQUEST_TIMED_OUT");
    world.network.unblock(middle, tail);
    expect((await send(head, ["b"], -1, durability)).error).toBeUndefined();
    const flushed = all.map((id) => partitionAt(id).placement.log?.flushed ?? -1);
    expect(durability === "os" || Math.min(...flushed) === 2).toBe(true);
  });
}

test("a head whose log can not be used any more gives way", async () => {
  await create();
  const former = headId();
  await send(former, ["a"]);
  const { replica } = partitionAt(former).placement.log as Partition;
  replica?.halt(new XylemError("KAFKA_STORAGE_ERROR", "the disk is gone"));
  expect((await send(former, ["b"])).error?.code).toBe("KAFKA_STORAGE_ERROR");
  await world.driveUntil("another is the head", () => (membersAt(former)[0] ?? former) !== former);
  const [next = 0] = membersAt(former);
  expect((await send(next, ["b"])).error).toBeUndefined();
  expect((await send(former, ["c"])).error?.code).toBe("NOT_LEADER_OR_FOLLOWER");
});

test("a head that reaches the coordinator, and no other node, is cut", async () => {
  const controller = world.node(1).cluster.image.controller?.id ?? 1;
  const [former = 0, other = 0] = othersOf(controller);
  const assignments = [{ index: 0, replicas: [former, controller, other] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("it is the head", () => headId() === former);
  await world.driveUntil("all are members", () => membersAt(controller).length === 3);
  for (const id of othersOf(former)) {
    world.network.block(former, id);
    world.network.block(id, former);
  }
  const startMs = world.clock.monotonicMs();
  const another = (): boolean => headId(othersOf(former)) > 0;
  await world.driveUntil("another leads", another, { withinMs: 100_000 });
  expect(world.clock.monotonicMs() - startMs).toBeGreaterThan(50_000);
  expect((await send(headId(othersOf(former)), ["a"])).error).toBeUndefined();
  await world.driveUntil("it knows", () => partitionAt(former).absence !== undefined);
});
