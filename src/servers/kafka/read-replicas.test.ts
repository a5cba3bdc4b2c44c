import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { RawConnection } from "../../../test/support/raw-connection.ts";
import { recordsOf, textOf } from "../../../test/support/raw-client.ts";
import type { Partition } from "../../broker/partition/partition.ts";
import { kafkaCode } from "../../base/errors.ts";
import { FollowerReads } from "../../broker/fetch/follower-reads.ts";
import type { PlacedPartition } from "../../broker/cluster/replicas/placed-partition.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { KafkaServer } from "./kafka-server.ts";

const racks = ["a", "b", "c"];
let world: ClusterWorld;
let headDisk: SimulatedDisk;
let doors: Map<number, { server: Server; kafka: KafkaServer; client: RawConnection }>;

/** `orders` has its head on node 1, of rack a, and replicas on 2 and 3, of racks b and c. */
beforeEach(async () => {
  world = new ClusterWorld(3);
  doors = new Map();
  const own = { "replica.selector.class": "rack-aware", "replica.lag.time.max.ms": 5_000 };
  headDisk = new SimulatedDisk({ nowMs: () => world.clock.nowMs() });
  for (const [at, rack] of racks.entries()) {
    const disk = at === 0 ? headDisk : undefined;
    await world.start(at + 1, { ...own, "broker.rack": rack }, disk);
  }
  const assignments = [{ index: 0, replicas: [1, 2, 3] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("it is led", () => logAt(1)?.absence === undefined);
  for (const id of [1, 2]) await openDoor(id);
});
afterEach(async () => {
  for (const { server, kafka, client } of doors.values()) {
    client.close();
    server.close();
    await kafka.close(100);
  }
  await world.close();
});

async function openDoor(id: number): Promise<void> {
  const kafka = new KafkaServer(world.node(id).broker);
  const server = createServer((socket) => kafka.accept(socket, new Uint8Array(0)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  doors.set(id, { server, kafka, client: await RawConnection.open(port) });
}

const logAt = (id: number) => world.node(id).topic("orders")?.partitions[0];
const readBytes = (id: number): number => FollowerReads.of(world.node(id).broker).bytes;

async function send(...values: string[]): Promise<void> {
  const batch = await world.send(1, "orders", batchOf(values));
  expect(batch.error).toBeUndefined();
}

interface Wish {
  readonly offset?: number;
  readonly rack?: string;
  readonly version?: number;
  readonly epoch?: number;
  readonly maxWaitMs?: number;
}

async function fetchFrom(
  id: number,
  { offset = 0, rack = "", version = 12, epoch = -1, maxWaitMs = 0 }: Wish = {},
) {
  const answer = await world.drive(
    (doors.get(id) as { client: RawConnection }).client.request("Fetch", version, {
      maxWaitMs,
      minBytes: 1,
      topics: [
        {
          topic: "orders",
          partitions: [
            {
              partition: 0,
              fetchOffset: offset,
              currentLeaderEpoch: epoch,
              partitionMaxBytes: 1_000_000,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: rack,
    }),
  );
  const partition = answer.responses[0]?.partitions[0];
  const records = recordsOf(partition?.records ?? null);
  return {
    error: partition?.errorCode,
    preferred: partition?.preferredReadReplica,
    values: records.map(({ value }) => textOf(value)),
  };
}

const code = kafkaCode;

describe("the head tells a consumer to read", () => {
  test("from the replica in its rack, and nothing else then", async () => {
    await send("x");
    expect(await fetchFrom(1, { rack: "b" })).toEqual({ error: 0, preferred: 2, values: [] });
    expect(await fetchFrom(1, { rack: "c" })).toEqual({ error: 0, preferred: 3, values: [] });
  });

  test.each([
    ["that is in its own rack", { rack: "a" }],
    ["in whose rack there is none", { rack: "z" }],
    ["that names no rack", {}],
  ])("from itself, of one %s", async (_who, wish) => {
    await send("x");
    expect(await fetchFrom(1, wish)).toEqual({ error: 0, preferred: -1, values: ["x"] });
  });

  test("from itself what a replica may have deleted before: nobody goes in circles", async () => {
    await send("a");
    await send("b");
    await world.driveUntil("node 2 knows that", () => logAt(2)?.follower?.committed === 2);
    // The head's disk has no room to say that its log begins later.
    headDisk.capacityBytes = headDisk.usedBytes;
    const { log } = (logAt(2) as PlacedPartition).placement;
    await world.drive((log as Partition).replica?.moveLogStart(1) as Promise<void>);
    await world.driveUntil("the head has heard of it", () => logAt(1)?.logStartMax === 1);
    expect(logAt(1)?.logStart).toBe(0);
    expect(await fetchFrom(2)).toMatchObject({ error: code("OFFSET_OUT_OF_RANGE") });
    expect(await fetchFrom(1, { rack: "b" })).toMatchObject({ preferred: -1, values: ["a", "b"] });
    expect(await fetchFrom(1, { rack: "b", offset: 1 })).toMatchObject({ preferred: 2 });
    headDisk.capacityBytes = Infinity;
    await world.driveUntil("it begins there too", () => logAt(1)?.logStart === 1);
    expect(await fetchFrom(1)).toMatchObject({ error: code("OFFSET_OUT_OF_RANGE") });
  });

  test("from itself once that replica has gone", async () => {
    await send("x");
    world.node(2).crash();
    const others = () => world.node(1).cluster.image.node(2) === undefined;
    await world.driveUntil("its lease is over", others);
    expect(await fetchFrom(1, { rack: "b" })).toMatchObject({ preferred: -1, values: ["x"] });
  });
});

describe("a replica that is not head", () => {
  beforeEach(async () => {
    await send("a", "b");
    await world.driveUntil("it knows that", () => logAt(2)?.follower?.committed === 2);
  });

  test("serves what is committed, and counts it", async () => {
    expect(await fetchFrom(2)).toEqual({ error: 0, preferred: -1, values: ["a", "b"] });
    expect(readBytes(2)).toBeGreaterThan(0);
    expect(readBytes(1)).toBe(0);
  });

  test("is not read by clients that know nothing of it", async () => {
    expect(await fetchFrom(2, { version: 10 })).toMatchObject({
      error: code("NOT_LEADER_OR_FOLLOWER"),
    });
  });

  test("lets who is at its end wait, and answers with what comes", async () => {
    const waiting = fetchFrom(2, { offset: 2, maxWaitMs: 20_000 });
    await world.driveUntil("it is parked", () => world.node(2).broker.deadlines.count > 0);
    await send("c");
    expect(await waiting).toMatchObject({ error: 0, values: ["c"] });
  });

  test("has who is past its end wait; the head knows that there is no such offset", async () => {
    expect(await fetchFrom(2, { offset: 7 })).toMatchObject({ error: 0, values: [] });
    expect(await fetchFrom(1, { offset: 7 })).toMatchObject({ error: code("OFFSET_OUT_OF_RANGE") });
  });

  test("checks the epoch as the head does", async () => {
    const { leaderEpoch = 0 } = logAt(1) ?? {};
    expect(await fetchFrom(2, { epoch: leaderEpoch })).toMatchObject({ error: 0 });
    const older = await fetchFrom(2, { epoch: leaderEpoch - 1 });
    expect(older).toMatchObject({ error: code("FENCED_LEADER_EPOCH") });
    const newer = await fetchFrom(2, { epoch: leaderEpoch + 1 });
    expect(newer).toMatchObject({ error: code("UNKNOWN_LEADER_EPOCH") });
  });

  test("serves nothing any more once it has not heard of the head for long", async () => {
    for (const other of [1, 3]) world.network.block(2, other);
    world.node(2).coordinator.cut();
    await world.driveUntil("it is refused", () => logAt(2)?.follower === undefined);
    expect(await fetchFrom(2)).toMatchObject({ error: code("NOT_LEADER_OR_FOLLOWER") });
  });
});
