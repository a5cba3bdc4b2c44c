import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Consumer, ConsumerConfig, Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { XylemClient } from "../../src/client/index.ts";
import { groupPartition } from "../../src/groups/group-partition.ts";
import { GrpcClient, type Message } from "../support/grpc-client.ts";
import { startJavaTool } from "../support/java-tools.ts";
import { kcat } from "../support/kcat.ts";
import { LiveFollower, overEvents, overSocket } from "../support/live-follower.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

const topic = "orders";
/** On nodes 1 and 2 only. */
const pair = "pairs";
const offsetsTopic = "__consumer_offsets";
const offsetsPartitions = 3;
const json = { "content-type": "application/json" };

describeWith(["etcd", "kcat", "java"], "three nodes in three racks", () => {
  let cluster: XylemCluster;
  let producer: Producer;
  const consumers: Consumer[] = [];
  const followers: LiveFollower[] = [];
  /** What was acknowledged, in its order: of both topics. */
  const sent: string[] = [];

  const url = (id: number): string => `http://${cluster.node(id).bootstrap}`;
  const others = (id: number): number[] => cluster.ids.filter((one) => one !== id);

  async function send(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) {
      const value = String(sent.length);
      const messages = [{ value }];
      await producer.sendBatch({
        topicMessages: [topic, pair].map((to) => ({ topic: to, messages })),
      });
      sent.push(value);
    }
  }

  /** Bytes that node has given consumers as a replica that does not lead. */
  async function followerBytes(id: number): Promise<number> {
    const page = await (await fetch(`${url(id)}/metrics`)).text();
    return Number(/^xylem_follower_read_bytes_total (\d+)/m.exec(page)?.[1]);
  }

  async function headOf(name: string, at: number, partition = 0): Promise<number> {
    const found = (await cluster.partitions(at, name)).find((one) => one.partition === partition);
    return found?.leader ?? -1;
  }

  /** A consumer group over Kafka whose values add up in the list that is answered. */
  async function consume(groupId: string, more: Partial<ConsumerConfig> = {}): Promise<string[]> {
    const values: string[] = [];
    const consumer = cluster
      .kafka()
      .consumer({ groupId, sessionTimeout: 6_000, maxWaitTimeInMs: 500, ...more });
    consumers.push(consumer);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: ({ message }) => Promise.resolve(void values.push(String(message.value))),
    });
    return values;
  }

  async function committedBy(groupId: string): Promise<number> {
    const admin = cluster.kafka().admin();
    await admin.connect();
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    await admin.disconnect();
    return Number(found?.partitions[0]?.offset);
  }

  async function callGroup(id: number, what: string, body: object) {
    const path = `${url(id)}/v1/groups/pullers/${what}`;
    const answer = await fetch(path, { method: "POST", headers: json, body: JSON.stringify(body) });
    return (await answer.json()) as { readonly cursor: string; records: { value: string }[] };
  }

  const pull = (id: number, more = {}) =>
    callGroup(id, "fetch", { topics: [topic], member: "m", max: 1_000, ...more });

  beforeAll(async () => {
    const shared = {
      "replica.selector.class": "rack-aware",
      "offsets.topic.num.partitions": String(offsetsPartitions),
      "group.initial.rebalance.delay.ms": "0",
      "cluster.lease.ms": "6000",
    };
    cluster = await XylemCluster.start(3, shared, (id) => ({ "broker.rack": `rack-${id}` }));
    const admin = cluster.kafka().admin();
    await admin.connect();
    for (const [name, replicas] of Object.entries({ [topic]: [1, 2, 3], [pair]: [1, 2] })) {
      const topics = [{ topic: name, replicaAssignment: [{ partition: 0, replicas }] }];
      // On a busy machine a node may seem to be gone for a moment.
      await waitUntil(`${name} is made`, () => admin.createTopics({ topics }).catch(() => false));
    }
    await admin.disconnect();
    await cluster.whenWhole(topic, 3);
    producer = cluster.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await send(50);
  });

  afterAll(async () => {
    await Promise.all(followers.map((one) => one.stop()));
    await Promise.all(consumers.map((one) => one.disconnect()));
    await producer.disconnect();
    await cluster.stop();
  });

  test("have librdkafka read from the replica in its rack", async () => {
    const before = await followerBytes(2);
    const where = ["-t", topic, "-p", "0", "-o", "beginning", "-e", "-q"];
    const args = ["-C", ...where, "-X", "client.rack=rack-2"];
    const { stdout } = await kcat(cluster.node(1).bootstrap, args);
    expect(stdout.trim().split("\n")).toEqual(sent);
    expect((await followerBytes(2)) - before).toBeGreaterThan(0);
    expect(await followerBytes(1)).toBe(0);
  });

  test("have kafkajs do so", async () => {
    const values = await consume("in-rack-3", { rackId: "rack-3" });
    await waitUntil("all are read", () => values.length === sent.length);
    expect(values).toEqual(sent);
    expect(await followerBytes(3)).toBeGreaterThan(0);
  });

  /** Other clients stay with a dead replica for a while of their own: five minutes, or settings. */
  test("have Kafka's own consumer do so, and ask the head when that one dies", async () => {
    const before = await followerBytes(3);
    // In a group the change of racks alone would have it join anew.
    const where = ["--partition", "0", "--offset", "earliest"];
    const args = ["--bootstrap-server", cluster.node(1).bootstrap, "--topic", topic, ...where];
    const rack = ["--command-property", "client.rack=rack-3"];
    const consumer = await startJavaTool("kafka-console-consumer", [...args, ...rack]);
    // Beside warnings of a connection that is lost.
    const values = (): string[] => consumer.stdout.match(/^\d+$/gm) ?? [];
    await waitUntil("all are read", () => values().length >= sent.length, 60_000);
    expect((await followerBytes(3)) - before).toBeGreaterThan(0);
    await cluster.node(3).kill();
    await send(10);
    await waitUntil("it goes on", () => values().length >= sent.length, 60_000);
    expect(values()).toEqual(sent);
    await consumer.end("SIGTERM");
    await cluster.node(3).restart();
    await cluster.whenWhole(topic, 3);
    await cluster.whenWhole(offsetsTopic, 3);
  });

  test("go on with streams and groups when head and coordinator die", async () => {
    const dying = await headOf(topic, 2);
    const [one = 0, other = 0] = others(dying);
    const live = (id: number, name: string, isSocket = false): LiveFollower => {
      const connect = isSocket
        ? overSocket(url(id), { topics: [name], from: "earliest" })
        : overEvents(url(id), `topic=${name}&from=earliest`);
      const follower = new LiveFollower(connect);
      followers.push(follower);
      return follower;
    };
    const streams = [
      live(one, topic),
      live(other, topic, true),
      live(3, pair),
      live(3, pair, true),
    ];
    const groupId = await groupLedBy(dying);
    const values = await consume(groupId);
    const client = new XylemClient(url(dying), { retriesMax: 20 });
    const subscribed: unknown[] = [];
    const subscription = client.subscribe(topic, { from: "earliest" });
    const subscribing = (async () => {
      for await (const { value } of subscription) subscribed.push(value);
    })();
    const first = await pull(one);
    await callGroup(other, "ack", { member: "m", cursor: first.cursor });
    await waitUntil("all are read", async () => {
      const isCommitted = (await committedBy(groupId)) === sent.length;
      if (!isCommitted || subscribed.length < sent.length) return false;
      return streams.every(({ records }) => records.length === sent.length);
    });
    const acknowledged = sent.length;

    await cluster.node(dying).kill();
    await appendOverGrpc(other);
    await send(20);
    await waitUntil("the streams go on", () =>
      streams.every(({ records }) => records.length >= sent.length),
    );
    for (const { records } of streams) expect(records.map(({ value }) => value)).toEqual(sent);
    for (const { connectCount } of streams) expect(connectCount).toBe(1);
    await waitUntil("the group goes on", () => values.at(-1) === sent.at(-1), 60_000);
    // At least once, but nothing that was acknowledged before.
    expect(new Set(values.slice(acknowledged))).toEqual(new Set(sent.slice(acknowledged)));
    expect(await committedBy(groupId)).toBeGreaterThanOrEqual(acknowledged);
    const more = await pull(other, { wait: "5s" });
    expect(more.records.map(({ value }) => value)).toEqual(sent.slice(acknowledged));
    expect(await client.read(topic, { recordsMax: 1_000 })).toMatchObject({
      nextOffset: sent.length,
    });
    await waitUntil("the client goes on elsewhere", () => subscribed.length >= sent.length);
    subscription.close();
    await subscribing;
    expect(subscribed).toEqual(sent);
    await cluster.node(dying).restart();
    await cluster.whenWhole(topic, 3);
  });

  /** A record for each topic, whose heads that node has to find. */
  async function appendOverGrpc(id: number): Promise<void> {
    const grpc = new GrpcClient(cluster.node(id).bootstrap, "xylem.v1.LogService");
    const value = String(sent.length);
    for (const to of [topic, pair]) {
      const key = { idempotencyKey: `append ${value}` };
      await grpc.call("append", { topic: to, records: [{ value: Buffer.from(value) }], ...key });
    }
    grpc.close();
    sent.push(value);
  }

  /** A name that the node coordinates the group of. */
  async function groupLedBy(id: number): Promise<string> {
    for (let at = 0; at < 100; at += 1) {
      const name = `workers-${at}`;
      const partition = groupPartition(name, offsetsPartitions);
      if ((await headOf(offsetsTopic, id, partition)) === id) return name;
    }
    throw new Error(`node ${id} coordinates nothing`);
  }

  test("answer alike on each door, also while the head moves", async () => {
    const head = await headOf(topic, 1);
    const moving = cluster.node(head).terminate();
    const asked = others(head);
    for (const id of asked) expect(await readOnEachDoor(id)).toEqual(allDoorsSay(sent));
    await moving;
    await cluster.node(head).restart();
    await send(1);
    for (const id of cluster.ids) expect(await readOnEachDoor(id)).toEqual(allDoorsSay(sent));
  });

  test("forget a topic with its files, and begin it anew at 0", async () => {
    const gone = await fetch(`${url(3)}/v1/topics/${pair}`, { method: "DELETE" });
    expect(gone.status).toBe(204);
    await waitUntil("its files are gone", () =>
      cluster.ids.every((id) => !existsSync(join(cluster.node(id).dataFolder, `${pair}-0`))),
    );
    for (const id of cluster.ids) {
      expect((await fetch(`${url(id)}/v1/topics/${pair}`)).status).toBe(404);
    }
    const path = `${url(3)}/v1/topics/${pair}/records`;
    const made = await fetch(path, { method: "POST", body: "anew" });
    expect(await made.json()).toMatchObject({ records: [{ offset: 0 }] });
  });

  const allDoorsSay = (values: readonly string[]) => ({
    page: values,
    pages: values,
    events: values,
    socket: values,
    grpc: values,
    subscribed: values,
    kafka: values,
  });

  const valuesIn = ({ records }: Message): string[] =>
    (records as { value: Buffer }[]).map(({ value }) => value.toString());

  function subscribe(grpc: GrpcClient): Promise<string[]> {
    const values: string[] = [];
    const subscriptions = [{ topic, position: { offset: 0 } }];
    const stream = grpc.stream("subscribe", { subscriptions });
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("data", (answer: Message) => {
        values.push(...valuesIn(answer));
        if (values.length < sent.length) return;
        stream.removeListener("error", reject).on("error", () => undefined);
        stream.cancel();
        resolve(values);
      });
    });
  }

  async function readOnEachDoor(id: number) {
    const valuesOf = async (path: string): Promise<unknown[]> => {
      const answer = await fetch(`${url(id)}/v1/${path}`);
      const { records } = (await answer.json()) as { records: { value: unknown }[] };
      return records.map(({ value }) => value);
    };
    const follow = async (follower: LiveFollower): Promise<unknown[]> => {
      await waitUntil("it is followed", () => follower.records.length >= sent.length);
      await follower.stop();
      return follower.records.map(({ value }) => value);
    };
    const grpc = new GrpcClient(cluster.node(id).bootstrap, "xylem.v1.LogService");
    const read = await grpc.call("read", { topic, position: { offset: 0 }, limit: 1_000 });
    const subscribed = await subscribe(grpc);
    grpc.close();
    const query = `topic=${topic}&from=earliest`;
    const where = ["-t", topic, "-p", "0", "-o", "beginning", "-e", "-q"];
    const args = ["-C", ...where, "-X", `client.rack=rack-${id}`];
    const { stdout } = await kcat(cluster.node(id).bootstrap, args);
    return {
      page: await valuesOf(`topics/${topic}/partitions/0/records?limit=1000`),
      pages: await valuesOf(`records?topic=${topic}&limit=1000`),
      events: await follow(new LiveFollower(overEvents(url(id), query))),
      socket: await follow(
        new LiveFollower(overSocket(url(id), { topics: [topic], from: "earliest" })),
      ),
      grpc: valuesIn(read),
      subscribed,
      kafka: stdout.trim().split("\n"),
    };
  }
});
