import { existsSync } from "node:fs";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaCode } from "../../../src/base/errors.ts";
import { mergeSettings } from "../../../src/base/settings/merge-settings.ts";
import { type RunningNode, startNode } from "../../../src/node/start-node.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { GrpcClient } from "../../support/grpc-client.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { RawClient } from "../../support/raw-client.ts";
import { describeWith } from "../../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../../support/temporary-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";

interface PartitionAnswer {
  readonly leader: number;
  /** Of the node that is asked. */
  readonly role: string;
  readonly chain: readonly number[];
  readonly highWatermark?: number;
}

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
  /** Over gRPC. */
  const listed = async (id: number) => {
    const admin = new GrpcClient(node(id).address, "xylem.v1.AdminService");
    return await admin.call("listTopics", {}).finally(() => admin.close());
  };
  const node = (id: number): RunningNode => nodes.get(id) as RunningNode;
  const kafka = (id: number): Kafka =>
    new Kafka({ brokers: [node(id).address], logLevel: logLevel.NOTHING });
  const partitions = async (id: number, topic: string): Promise<PartitionAnswer[]> => {
    const answer = await fetch(`${node(id).url}/v1/topics/${topic}`);
    return ((await answer.json()) as { partitions: PartitionAnswer[] }).partitions;
  };
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
    expect(await listed(1)).toMatchObject({ topics: [{ name: "orders" }], isPartial: true });
    await start(2);
    await waitUntil("its partitions are served", async () => {
      const own = (await partitions(2, "orders")).filter(({ leader }) => leader === 2);
      return own.length === 2 && own.every(({ highWatermark }) => highWatermark === 10);
    });
  });

  test("say what each of them is in a chain", async () => {
    expect(await listed(3)).toMatchObject({ isPartial: false });
    for (const { leader, role } of await partitions(2, "orders")) {
      expect(role).toBe(leader === 2 ? "solo" : "outsider");
    }
    const admin = kafka(1).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "trio", replicationFactor: 3 }] });
    await admin.disconnect();
    let chain: readonly number[] = [];
    await waitUntil("its chain is whole", async () => {
      chain = (await partitions(1, "trio"))[0]?.chain ?? [];
      return chain.length === 3;
    });
    for (const [at, role] of ["head", "middle", "tail"].entries()) {
      await waitUntil(`its ${role} says so`, async () => {
        return (await partitions(chain[at] as number, "trio"))[0]?.role === role;
      });
    }
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
    for (const [id, folder] of folders) {
      const read = await fetch(`${node(id).url}/v1/topics/orders/partitions/0/records`);
      expect(read.status).toBe(404);
      const client = await RawClient.open(node(id).port);
      const { errorCode } = await client.fetch(["orders", 0], 0);
      client.close();
      expect(errorCode).toBe(kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"));
      const paths = [0, 1, 2, 3, 4, 5].map((index) => join(folder, `orders-${index}`));
      await waitUntil("its files are gone", () => !paths.some((path) => existsSync(path)));
    }
  });
});
