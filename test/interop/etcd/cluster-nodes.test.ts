import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mergeSettings } from "../../../src/base/settings/merge-settings.ts";
import { type RunningNode, startNode } from "../../../src/node/start-node.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { describeWith } from "../../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../../support/temporary-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";

describeWith(["etcd"], "three nodes on a real etcd", () => {
  let etcd: EtcdServer;
  const nodes = new Map<number, RunningNode>();
  const folders = new Map<number, string>();
  const log = new KeptLog();

  const start = async (id: number): Promise<RunningNode> => {
    const folder = folders.get(id) ?? makeTemporaryFolder(`node${id}`);
    folders.set(id, folder);
    const texts = new Map([
      ["coordinator", `etcd://${etcd.address}`],
      ["cluster.secret", "a secret of enough characters"],
      ["cluster.expect", "3"],
      ["node.id", String(id)],
      ["data", folder],
      ["port", "0"],
      ["offsets.topic.num.partitions", "6"],
    ]);
    const merged = mergeSettings([{ origin: "the test", texts }]);
    const node = await startNode({ ...merged, log });
    nodes.set(id, node);
    return node;
  };
  const node = (id: number): RunningNode => nodes.get(id) as RunningNode;
  const kafka = (id: number): Kafka =>
    new Kafka({ brokers: [node(id).address], logLevel: logLevel.NOTHING });
  const cluster = async (id: number) => {
    const answer = await fetch(`${node(id).url}/v1/cluster`);
    return (await answer.json()) as {
      controllerId: number;
      nodes: { nodeId: number; status: string; heads: number }[];
    };
  };

  beforeAll(async () => {
    [etcd] = (await EtcdServer.startAll(1)) as [EtcdServer];
    await Promise.all([1, 2, 3].map(start));
  });
  afterAll(async () => {
    await Promise.all([...nodes.values()].map((one) => one.stop()));
    await etcd.stop();
    for (const folder of folders.values()) removeFolder(folder);
  });

  test("know each other, whichever is asked", async () => {
    await waitUntil("all are seen", async () => {
      const seen = await Promise.all([1, 2, 3].map(cluster));
      return seen.every(
        ({ nodes: known }) =>
          known.every(({ status }) => status === "serving") && known.length === 3,
      );
    });
    const admin = kafka(2).admin();
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    await admin.disconnect();
    expect(brokers.map(({ nodeId, port }) => [nodeId, port])).toEqual(
      [1, 2, 3].map((id) => [id, node(id).port]),
    );
    expect(controller).toBe((await cluster(1)).controllerId);
  });

  test("share topics; a client given one address finds each partition's node", async () => {
    const admin = kafka(3).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: "orders", numPartitions: 6, replicationFactor: 1 }],
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: ["orders"] });
    const leaders = topics[0]?.partitions.map(({ leader }) => leader).sort((a, b) => a - b);
    expect(leaders).toEqual([1, 1, 2, 2, 3, 3]);
    await admin.disconnect();

    const producer = kafka(1).producer();
    await producer.connect();
    const messages = Array.from({ length: 60 }, (_, at) => ({
      value: `value ${at}`,
      partition: at % 6,
    }));
    await producer.send({ topic: "orders", messages });
    await producer.disconnect();

    const got: string[] = [];
    const consumer = kafka(2).consumer({ groupId: "readers" });
    await consumer.connect();
    await consumer.subscribe({ topic: "orders", fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        got.push(String(message.value));
        await Promise.resolve();
      },
    });
    await waitUntil("all are read", () => got.length >= 60);
    await consumer.disconnect();
    expect(new Set(got).size).toBe(60);
  });

  test("go on after one has stopped and come back, with what it held", async () => {
    await node(2).stop();
    await waitUntil("it is seen to be away", async () => {
      return (await cluster(1)).nodes.some(
        ({ nodeId, status }) => nodeId === 2 && status === "down",
      );
    });
    const listing = await fetch(`${node(1).url}/v1/topics`);
    expect(await listing.json()).toMatchObject({ topics: [{ name: "orders" }], isPartial: true });
    await start(2);
    await waitUntil("its partitions are served", async () => {
      const topic = await fetch(`${node(2).url}/v1/topics/orders`);
      const { partitions } = (await topic.json()) as {
        partitions: { leader: number; role: string; highWatermark?: number }[];
      };
      const own = partitions.filter(({ leader }) => leader === 2);
      expect(partitions.every(({ leader, role }) => role !== "solo" || leader === 2)).toBe(true);
      return own.length === 2 && own.every(({ highWatermark }) => highWatermark === 10);
    });
  });

  test("coordinate the groups they did before: a reader goes on where it was", async () => {
    const admin = kafka(1).admin();
    await admin.connect();
    const [stored] = await admin.fetchOffsets({ groupId: "readers", topics: ["orders"] });
    await admin.disconnect();
    const offsets = stored?.partitions.map(({ offset }) => Number(offset));
    expect(offsets).toEqual([10, 10, 10, 10, 10, 10]);
    for (const at of [0, 1, 2]) {
      const name = `group-${at}`;
      const consumer = kafka(3).consumer({ groupId: name });
      await consumer.connect();
      await consumer.subscribe({ topic: "orders", fromBeginning: true });
      let count = 0;
      await consumer.run({ eachMessage: () => Promise.resolve(void (count += 1)) });
      await waitUntil(`${name} reads all`, () => count === 60);
      await consumer.disconnect();
    }
  });

  test("delete a topic everywhere", async () => {
    await fetch(`${node(3).url}/v1/topics/orders`, { method: "DELETE" });
    await waitUntil("it is gone", () =>
      [1, 2, 3].every((id) => node(id).broker.topics.find("orders") === undefined),
    );
  });
});
