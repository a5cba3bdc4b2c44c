import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { batchTools } from "../../node/open-broker.ts";
import { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import { appendRecords } from "../records/append-records.ts";

let world: ForwardingWorld;

beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  const assignments = [{ index: 0, replicas: [1, 2, 3] }];
  await world.cluster.create(1, "payments", { assignments, partitions: -1, replicas: -1 });
  await world.until("it is led", () => placeAt(1).absence === undefined && chain().length === 3);
});

afterEach(() => world.close());

function placeAt(id: number): PlacedPartition {
  const partition = world.cluster.node(id).topic("payments")?.partitions[0];
  if (partition instanceof PlacedPartition) return partition;
  throw new Error(`node ${id} knows no place`);
}

/** As node 3 knows it, its head first. */
function chain(): readonly number[] {
  const [known] = [...world.cluster.node(3).cluster.image.chains.values()];
  return known?.config.members.map(({ id }) => id) ?? [];
}

const append = (id: number, value: string, timeoutMs = 30_000) =>
  appendRecords(world.cluster.node(id).broker, batchTools, {
    topic: "payments",
    records: [{ key: null, value: Buffer.from(value), headers: [], partition: 0 }],
    acks: -1,
    timeoutMs,
    clientId: "test",
    idempotency: { scope: "", key: value },
  });

/** The head says that it stops, stays, and joins again. */
async function moveFrom(head: number): Promise<void> {
  const { membership } = world.cluster.node(head).cluster;
  await world.cluster.drive(membership.announce({ isDraining: true }));
  await world.until(`node ${head} leads no more`, () => !chain().includes(head));
  await world.cluster.drive(membership.announce({ isDraining: false }));
  await world.until(`node ${head} is back`, () => chain().length === 3);
}

test("a node that leads again knows the keys that came while another one led", async () => {
  const { cluster } = world;
  await cluster.drive(append(1, "first"));
  await moveFrom(1);
  await cluster.drive(append(3, "second"));
  while (chain()[0] !== 1) await moveFrom(chain()[0] ?? 0);
  await world.until("node 1 serves", () => placeAt(1).absence === undefined);
  expect(await cluster.drive(append(3, "second"))).toMatchObject({
    records: [{ partition: 0, offset: 1 }],
    isDuplicate: true,
  });
  expect(placeAt(1).end).toBe(2);
});

test("a new head knows the keys of what it has not committed yet", async () => {
  const { cluster } = world;
  await cluster.drive(append(3, "first"));
  cluster.network.block(2, 3);
  cluster.network.block(3, 2);
  const appending = append(3, "second");
  await world.until("node 2 has it", () => placeAt(2).placement.log?.end === 2);
  world.crash(1);
  await world.until("node 2 leads", () => placeAt(2).absence === undefined);
  const repeated = append(2, "second").catch((error: unknown) => error);
  await cluster.tick(200);
  cluster.network.unblock(2, 3);
  cluster.network.unblock(3, 2);
  await cluster.drive(Promise.all([appending, repeated]));
  expect(placeAt(2).end).toBe(2);
});

test("a key is not waited for longer than its request may take", async () => {
  const { cluster } = world;
  cluster.network.block(2, 3);
  cluster.network.block(3, 2);
  const appending = append(3, "first").catch(() => undefined);
  await world.until("node 2 has it", () => placeAt(2).placement.log?.end === 1);
  world.crash(1);
  await world.until("node 2 leads", () => placeAt(2).absence === undefined);
  const startMs = cluster.clock.monotonicMs();
  const refused = cluster.drive(append(2, "first", 3_000));
  await expect(refused).rejects.toMatchObject({ code: "REQUEST_TIMED_OUT" });
  expect(cluster.clock.monotonicMs() - startMs).toBeLessThan(3_500);
  cluster.network.unblock(2, 3);
  cluster.network.unblock(3, 2);
  await cluster.drive(appending);
  expect(placeAt(2).end).toBe(1);
});
