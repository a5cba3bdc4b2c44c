import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { GroupConnection } from "../../../test/support/group-call.ts";
import type { GroupBroker } from "../../../test/support/group-broker.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const ids = [1, 2, 3];
const own = { "offsets.topic.replication.factor": 3, "offsets.topic.num.partitions": 1 };
const request = { generationIdOrMemberEpoch: -1, memberId: "", groupId: "readers" };

const groups = (id: number): GroupConnection =>
  new GroupConnection({ broker: world.node(id).broker } as unknown as GroupBroker);

/** Answers with what the coordinator answers, once it has loaded what it has. */
async function asked(id: number, ask: () => Promise<number>): Promise<void> {
  for (let step = 0; step < 400; step += 1) {
    const errorCode = await world.drive(ask());
    if (errorCode === 0) return;
    await world.tick(50);
  }
  throw new Error(`node ${id} does not coordinate the group`);
}

async function commit(id: number, partition: number, offset: number): Promise<void> {
  const partitions = [
    { partitionIndex: partition, committedOffset: offset, committedMetadata: null },
  ];
  const topics = [{ name: "orders", partitions }];
  await asked(id, async () => {
    const answer = await groups(id).call("OffsetCommit", 8, { ...request, topics });
    return answer.topics[0]?.partitions[0]?.errorCode ?? -1;
  });
}

async function forget(id: number, partition: number): Promise<void> {
  const topics = [{ name: "orders", partitions: [{ partitionIndex: partition }] }];
  await asked(id, async () => {
    const answer = await groups(id).call("OffsetDelete", 0, { groupId: "readers", topics });
    return answer.errorCode || (answer.topics[0]?.partitions[0]?.errorCode ?? -1);
  });
}

async function committed(id: number): Promise<number[][]> {
  let found: number[][] = [];
  await asked(id, async () => {
    const answer = await groups(id).call("OffsetFetch", 7, { groupId: "readers", topics: null });
    found = answer.topics.flatMap(({ partitions }) =>
      partitions.map((one) => [one.partitionIndex, Number(one.committedOffset)]),
    );
    return answer.errorCode;
  });
  return found.toSorted(([one = 0], [other = 0]) => one - other);
}

const headId = (): number =>
  ids.find((id) => world.node(id).topic(offsetsTopic)?.partitions[0]?.absence === undefined) ?? -1;
/** Of the chain of the groups' records, which is the longest. */
const memberCount = (at: number): number => {
  const chains = [...world.node(at).cluster.image.chains.values()];
  return Math.max(...chains.map(({ config }) => config.members.length));
};

test("what a group acknowledged while a replica was down is not undone by it", async () => {
  world = new ClusterWorld(3);
  for (const id of ids) await world.start(id, own);
  await world.create(1, "orders", { partitions: 3, replicas: 1 });
  await world.drive(world.node(1).broker.topics.ensureInternal(offsetsTopic));
  await world.driveUntil("it is led", () => headId() > 0);
  const head = headId();
  await commit(head, 0, 5);
  await commit(head, 1, 7);
  const [away = 0, other = 0] = ids.filter((id) => id !== head);
  const former = world.node(away);
  await former.stop();
  await commit(head, 0, 50);
  await forget(head, 1);
  await world.drive(world.start(away, own, former.disk));
  await world.driveUntil("it is a member again", () => memberCount(head) === 3);
  await world.node(other).stop();
  await world.node(head).stop();
  await world.driveUntil("it leads", () => headId() === away);
  expect(await committed(away)).toEqual([[0, 50]]);
});
