import { afterEach, describe, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../test/support/cluster-world.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";
import { createBucket } from "../buckets/change-bucket.ts";
import { changeConfigs } from "../configs/alter-resource-configs.ts";
import { forkTopic } from "../copies/fork-topic.ts";
import type { ClusterAdministration } from "./plans/cluster-administration.ts";
import { takeNodeId } from "./membership/take-node-id.ts";
import { chainsPrefix } from "../../replication/chain-config.ts";
import type { LiveTopic } from "../topics/live-topic.ts";
import { deletedPrefix, topicsPrefix } from "../topics/topic-entry.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const headIds = (node: ClusterNode): number[] =>
  Array.from(node.cluster.image.chains.values(), ({ config }) => config.members[0]?.id ?? -1);

const retention = (value: string) => [{ name: "retention.ms", operation: "set" as const, value }];
const live = { validateOnly: false };
const one = { partitions: 1, replicas: 1, configs: new Map<string, string>() };

describe("an entry of the coordinator that a hand has broken", () => {
  const [at, whole] = ["chains/AAAAAAAAAAAAAAAAAAAAAQ/0", "ring/9"];
  const seat = JSON.stringify({ weight: 1, state: "joining", rack: "" });

  test("is as it was, and all that comes with it is taken", async () => {
    world = await ClusterWorld.open(1);
    const { image, feed } = world.node(1).cluster;
    const writes = [
      { key: at, value: "garbage" },
      { key: whole, value: seat },
    ];
    const revision = (await world.coordinator.transact([], writes)) ?? 0;
    await waitUntil("it is told", () => feed.revision >= revision, 10_000);
    expect(image.seat(9)?.state).toBe("joining");
    expect(image.chains.has(at)).toBe(false);
    const [line] = world.node(1).log.withLevel("error");
    expect(line?.fields["key"]).toBe(at);
  });

  // What they say holds for many topics: to go on without could delete what they keep.
  test.each(["configs/topics/t", "configs/brokers/", "buckets/b", "features"])(
    "keeps a node from starting, by its name: %s",
    async (key) => {
      world = await ClusterWorld.open(1);
      await world.coordinator.transact([], [{ key, value: "garbage" }]);
      await expect(world.start(2)).rejects.toThrow(key);
    },
  );
});

describe("a topic", () => {
  test("that one node makes is on all, its partitions spread over them", async () => {
    world = await ClusterWorld.open(3);
    await world.create(2, "orders", { partitions: 6, replicas: 2 });
    for (const id of [1, 2, 3]) {
      const node = world.node(id);
      expect(node.topic("orders")?.id).toEqual(world.node(1).topic("orders")?.id);
      expect(node.topic("orders")?.partitions.map((one) => one.leaderEpoch)).toEqual(
        Array(6).fill(1),
      );
      expect(headIds(node).sort((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 3]);
    }
  });

  test("with more chains than a transaction takes appears whole", async () => {
    world = await ClusterWorld.open(2);
    const seen: number[] = [];
    const { feed, image } = world.node(2).cluster;
    feed.follow(topicsPrefix, () => seen.push(image.chains.size));
    await world.create(1, "wide", { partitions: 300 });
    expect(seen).toEqual([300]);
    expect(world.node(2).topic("wide")?.partitions).toHaveLength(300);
    expect((await world.coordinator.read("making/")).entries).toEqual([]);
  });

  test("that two nodes make at once is one; the other is told that it exists", async () => {
    world = await ClusterWorld.open(2);
    const asked = { name: "orders", partitions: 1, replicas: 1, configs: new Map() };
    const both = await Promise.allSettled(
      [1, 2].map((id) => world.node(id).broker.topics.create(asked)),
    );
    const failed = both.filter(({ status }) => status === "rejected");
    expect(failed).toMatchObject([{ reason: { code: "TOPIC_ALREADY_EXISTS" } }]);
    expect(world.node(1).topic("orders")?.id).toEqual(world.node(2).topic("orders")?.id);
  });

  test("is not forked, which is said, and leaves nothing behind", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { partitions: 2, replicas: 2 });
    const { topics } = world.node(1).broker;
    const fork = { source: "orders", name: "copy", at: { kind: "latest" } } as const;
    await expect(forkTopic(topics, fork)).rejects.toThrow(/In a cluster a topic can not be forked/);
    expect(world.node(1).topic("copy")).toBeUndefined();
    expect((await world.coordinator.read("making/")).entries).toEqual([]);
    await world.create(2, "copy", { partitions: 1, replicas: 2 });
  });

  test("that is asked for on demand by two nodes at once is the same one", async () => {
    world = await ClusterWorld.open(2);
    const [one, two] = await Promise.all(
      [1, 2].map((id) => world.node(id).broker.topics.autoCreate("orders")),
    );
    expect(one?.id).toEqual(two?.id);
  });

  test("that is deleted is gone from all nodes, files and chains included", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { partitions: 100 });
    await world.node(2).broker.topics.delete("orders");
    await world.until("it is gone", (node) => node.topic("orders") === undefined);
    await waitUntil("both have said so", async () => {
      return (await world.coordinator.read(deletedPrefix)).entries.length === 0;
    });
    expect(world.node(1).cluster.image.chains.size).toBe(0);
  });

  test("that is deleted where some of it could not be opened leaves no chain", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { partitions: 3 });
    const topic = world.node(2).topic("orders") as LiveTopic;
    topic.partitions = topic.partitions.slice(0, 1);
    await world.node(2).broker.topics.delete("orders");
    await waitUntil("no chain is left", async () => {
      return (await world.coordinator.read(chainsPrefix)).entries.length === 0;
    });
  });

  test("that is made again at once is not taken for the one that was deleted", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders");
    const { topics } = world.node(1).broker;
    const deleted: unknown[] = [];
    topics.onDeleted(({ id }) => deleted.push(id));
    const { id: former } = world.node(1).topic("orders") ?? {};
    const asked = { name: "orders", partitions: 1, replicas: 1, configs: new Map() };
    const [, made] = await Promise.all([topics.delete("orders"), topics.create(asked)]);
    await world.until("both have it", (node) => node.topic("orders")?.id.join() === made.id.join());
    expect(world.node(1).topic("orders")).toBe(made);
    expect(deleted).toEqual([former]);
  });

  test("takes configs and partitions from whichever node", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { partitions: 2 });
    const resource = { kind: "topic", name: "orders" } as const;
    await changeConfigs(world.node(2).broker, resource, retention("1000"), live);
    await world.node(1).broker.topics.addPartitions("orders", 200);
    await world.until("both know", (node) => {
      const topic = node.topic("orders");
      return topic?.partitions.length === 200 && topic.settings["retention.ms"] === 1_000;
    });
    expect(world.node(2).cluster.image.chains.size).toBe(200);
  });

  test("whose configs two nodes change at once has both changes", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders");
    const set = (id: number, name: string, value: string) =>
      changeConfigs(
        world.node(id).broker,
        { kind: "topic", name: "orders" },
        [{ name, operation: "set", value }],
        live,
      );
    await Promise.all([set(1, "retention.ms", "5"), set(2, "segment.bytes", "2000000")]);
    await world.until("both know", (node) => node.topic("orders")?.configs.size === 2);
  });

  test("is not made before the expected nodes have come", async () => {
    world = new ClusterWorld(2);
    await world.start(1);
    const refused = { code: "NOT_ENOUGH_REPLICAS", message: /1 of 2/ };
    await expect(world.create(1, "orders")).rejects.toMatchObject({ code: refused.code });
    await world.start(2);
    await world.create(1, "orders");
  });
});

describe("what is deleted while a node is away", () => {
  test("is removed there when it comes back, and a new topic of the name is another", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "orders", { partitions: 2, replicas: 2 });
    const away = world.node(2);
    await away.stop();
    await world.until(
      "it is seen to be away",
      ({ cluster }) => cluster.image.nodes.length === 1,
      [1],
    );
    await world.node(1).broker.topics.delete("orders");
    const noted = await world.coordinator.read(deletedPrefix);
    expect(noted.entries.map(({ value }) => JSON.parse(value))).toEqual([
      { name: "orders", nodes: [2] },
    ]);
    await world.create(1, "orders").catch(() => undefined);
    const back = await world.start(2, {}, away.disk);
    expect(back.topic("orders")?.id).toEqual(world.node(1).topic("orders")?.id);
    expect((await world.coordinator.read(deletedPrefix)).entries).toEqual([]);
    const folders = (await away.disk.list("")).filter(({ isDirectory }) => isDirectory);
    expect(folders.filter(({ name }) => /^orders-1$/.test(name))).toEqual([]);
  });
});

describe("settings of the cluster", () => {
  test("count on every node, those of one node there alone", async () => {
    world = await ClusterWorld.open(2);
    const set = (name: string, id: number, value: string) =>
      changeConfigs(
        world.node(id).broker,
        { kind: "broker", name },
        [{ name: "max.connections", operation: "set", value }],
        live,
      );
    await set("", 1, "77");
    await world.until("both have it", (node) => node.broker.settings["max.connections"] === 77);
    await set("2", 2, "78");
    expect(world.node(2).broker.settings["max.connections"]).toBe(78);
    expect(world.node(1).broker.settings["max.connections"]).toBe(77);
  });

  test("of a bucket reach its topics on every node", async () => {
    world = await ClusterWorld.open(2);
    await world.create(1, "com.orders");
    await createBucket(world.node(2).broker, "com", new Map([["retention.ms", "99"]]));
    await world.until(
      "both have it",
      (node) => node.topic("com.orders")?.settings["retention.ms"] === 99,
    );
  });
});

test("before all nodes it was told of have come nothing is made, and it says why", async () => {
  world = new ClusterWorld(2);
  const { broker } = await world.start(1);
  const asked = { ...one, name: "orders" };
  await expect(broker.topics.create(asked)).rejects.toMatchObject({
    code: "NOT_ENOUGH_REPLICAS",
    message: "1 of 2 nodes have come (cluster.expect)",
  });
  await world.start(2);
  await world.until("the other is seen", ({ cluster }) => cluster.image.nodes.length === 2);
  expect((await broker.topics.create(asked)).partitions).toHaveLength(1);
});

test("a cluster that one of its first nodes has left for good goes on making topics", async () => {
  world = await ClusterWorld.open(2);
  const { broker, cluster } = world.node(1);
  const administration = broker.administration as ClusterAdministration;
  world.node(2).crash();
  await world.driveUntil("it is gone", () => cluster.image.nodes.length === 1);
  await world.drive(administration.changeSeat(2, { seat: "leaving", isGone: true }));
  await world.drive(broker.topics.create({ ...one, name: "meanwhile" }));
  const { planId } = await world.drive(administration.draft({ replicasMin: 0 }));
  await world.drive(administration.commit({ planId, movesAtOnce: 4, acceptsLoss: false }));
  await world.driveUntil("it has left", () => cluster.image.seats.length === 1);
  await world.drive(broker.topics.create({ ...one, name: "orders" }));
  await world.drive(world.start(2));
  expect(cluster.image.seat(2)?.state).toBe("joining");
});

test("nodes without numbers are given the least that nobody had", async () => {
  world = new ClusterWorld(2);
  await world.start(1);
  await world.start(3);
  const taken = [
    await takeNodeId(world.coordinator, "a"),
    await takeNodeId(world.coordinator, "b"),
  ];
  expect(taken).toEqual([2, 4]);
  const many = await Promise.all(
    ["c", "d", "e"].map((directory) => takeNodeId(world.coordinator, directory)),
  );
  expect(many.toSorted((a, b) => a - b)).toEqual([5, 6, 7]);
});
