import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import type { GroupBroker } from "../../../test/support/group-broker.ts";
import { GroupConnection } from "../../../test/support/group-call.ts";
import { electLeaders } from "../reassignment/elect-leaders.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const ids = [1, 2, 3];
const own = { "offsets.topic.replication.factor": 3, "offsets.topic.num.partitions": 1 };

const until = (what: string, holds: () => boolean): Promise<void> =>
  world.driveUntil(what, holds, { stepMs: 10, withinMs: 20_000 });

const partitionAt = (id: number) => world.node(id).topic(offsetsTopic)?.partitions[0];
const headId = (among = ids): number =>
  among.find((id) => partitionAt(id)?.absence === undefined) ?? -1;
/** Of the groups' records: the longer one. */
const chainAt = (id: number) =>
  [...world.node(id).cluster.image.chains.values()]
    .map(({ config }) => config)
    .find(({ replicas }) => replicas.length === 3);

const controllerId = (): number => world.node(1).cluster.image.controller?.id ?? -1;
const groups = (id: number): GroupConnection =>
  new GroupConnection({ broker: world.node(id).broker } as unknown as GroupBroker);
const request = { generationIdOrMemberEpoch: -1, memberId: "", groupId: "readers" };
const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }];

async function errorOfFetch(id: number): Promise<number> {
  const asked = groups(id).call("OffsetFetch", 7, { groupId: "readers", topics: null });
  return (await world.drive(asked)).errorCode;
}

test("a coordinator that hands over tells no offsets: the next may have newer ones", async () => {
  world = new ClusterWorld(3);
  for (const id of ids) await world.start(id, own);
  await world.drive(world.node(1).broker.topics.ensureInternal(offsetsTopic));
  await world.create(1, "orders", { partitions: 1, replicas: 1 });
  await until("it is led", () => headId() > 0);
  const preferred = headId();
  const former = world.node(preferred);
  former.crash();
  const others = ids.filter((id) => id !== preferred);
  await until("another leads", () => headId(others) > 0);
  const head = headId(others);
  await world.drive(world.start(preferred, own, former.disk));
  await until("it is a member again", () => chainAt(head)?.members.length === 3);
  expect(await errorOfFetch(head)).toBe(0);
  // Its successor never says that it has all: it takes as long as it may.
  for (const other of ids) if (other !== head) world.network.block(other, head);
  const topics = [{ name: "orders", partitions }];
  const committing = groups(head).call("OffsetCommit", 8, { ...request, topics });
  await world.tick(10);
  const ask = {
    kind: "preferred",
    partitions: new Map([[offsetsTopic, [0]]]),
    timeoutMs: 1_000,
  } as const;
  void electLeaders(world.node(controllerId()).broker, ask);
  await until("the head leaves", () => chainAt(head)?.leaving.includes(head) === true);
  expect(partitionAt(head)?.absence).toBeUndefined();
  expect(await errorOfFetch(head)).toBe(16);
  // What it could not write goes to the next coordinator: nothing is wrong with the log.
  world.node(head).crash();
  const { topics: answered } = await world.drive(committing);
  expect(answered).toMatchObject([{ partitions: [{ errorCode: 16 }] }]);
  const errors = world
    .node(head)
    .log.withLevel("error")
    .map(({ message }) => message);
  expect(errors).not.toContain("group records could not be written");
});
