import { setTimeout as sleep } from "node:timers/promises";
import type * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { GrpcClient, reasonOf } from "../support/grpc-client.ts";
import { batchOf, RawClient, recordsOf, textOf } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

const topic = "orders";
const place = [topic, 0] as const;
const leaseMs = 4_000;
/** Between two rounds at all doors. */
const roundMs = 100;

/** What one door answers to an append: nothing, or how it refuses. */
type Answer = string | undefined;

describeWith(["etcd"], "three nodes whose etcd is away", () => {
  let cluster: XylemCluster;
  let kafka: RawClient;
  let log: GrpcClient;
  let head = 0;
  let sent = 0;
  const acknowledged: string[] = [];

  const name = (): string => `record ${(sent += 1)}`;
  const kept = (value: string): undefined => void acknowledged.push(value);

  async function overKafka(): Promise<Answer> {
    const value = name();
    const { errorCode } = await kafka.produce(place, batchOf([value]));
    return errorCode === 0 ? kept(value) : String(errorCode);
  }

  async function overHttp(): Promise<Answer> {
    const value = name();
    const url = `http://${cluster.node(head).bootstrap}/v1/topics/${topic}/records`;
    const answer = await fetch(url, { method: "POST", body: value });
    const { code } = (await answer.json()) as { code?: string };
    return answer.ok ? kept(value) : `${answer.status} ${code}`;
  }

  async function overGrpc(): Promise<Answer> {
    const value = name();
    const records = [{ value: Buffer.from(value) }];
    try {
      await log.call("append", { topic, records });
      return kept(value);
    } catch (error) {
      const failure = error as grpc.ServiceError;
      return `${failure.code} ${reasonOf(failure)}`;
    }
  }

  const onAllDoors = (): Promise<Answer[]> => Promise.all([overKafka(), overHttp(), overGrpc()]);
  const areTaken = (answers: readonly Answer[]): boolean =>
    answers.every((answer) => answer === undefined);

  async function whenTaken(what: string): Promise<void> {
    await waitUntil(what, async () => {
      const [partition] = await cluster.partitions(1, topic);
      head = partition?.leader ?? -1;
      if (head < 0) return false;
      kafka.close();
      log.close();
      kafka = await RawClient.open(cluster.node(head).port);
      log = new GrpcClient(cluster.node(head).bootstrap, "xylem.v1.LogService");
      return areTaken(await onAllDoors());
    });
  }

  beforeAll(async () => {
    cluster = await XylemCluster.start(3, { "cluster.lease.ms": String(leaseMs) });
    kafka = await RawClient.open(cluster.node(1).port);
    log = new GrpcClient(cluster.node(1).bootstrap, "xylem.v1.LogService");
    const configs = { "min.insync.replicas": "2" };
    await waitUntil("the topic is made", async () => {
      const { errorCode } = await kafka.createTopic(topic, { replicas: 3, configs });
      return errorCode === 0 || errorCode === kafkaCode("TOPIC_ALREADY_EXISTS");
    });
    await cluster.whenWhole(topic, 3);
  });
  afterAll(async () => {
    kafka.close();
    log.close();
    await cluster.stop();
  });

  const outages: readonly [string, () => unknown, () => unknown][] = [
    ["stands still", () => cluster.etcd.pause(), () => cluster.etcd.resume()],
    ["is killed", () => cluster.etcd.kill(), () => cluster.etcd.startAgain()],
  ];
  test.each(outages)(
    "take records, and give them, until their leases end, refuse clearly, and go on: etcd %s",
    async (_, begin, end) => {
      await whenTaken("records are taken");
      const beganMs = performance.now();
      await begin();
      expect(areTaken(await onAllDoors())).toBe(true);
      for (const id of cluster.ids) {
        const url = `http://${cluster.node(id).bootstrap}/v1/topics/${topic}/partitions/0/records`;
        expect((await fetch(url)).status).toBe(200);
      }
      expect((await kafka.fetch(place, 0)).errorCode).toBe(0);
      let answers: Answer[] = [];
      let takenMs = 0;
      await waitUntil("every door refuses", async () => {
        await sleep(roundMs);
        const sentMs = performance.now() - beganMs;
        answers = await onAllDoors();
        if (areTaken(answers)) takenMs = sentMs;
        return answers.every((answer) => answer !== undefined);
      });
      // In the round before this one the lease may have ended in the middle.
      answers = await onAllDoors();
      // A third of it may have passed since the last keep-alive, and a tenth is for clocks.
      expect(takenMs).toBeLessThan(leaseMs);
      expect(answers).toEqual([
        String(kafkaCode("NOT_LEADER_OR_FOLLOWER")),
        "421 NOT_LEADER_OR_FOLLOWER",
        "14 NOT_LEADER_OR_FOLLOWER",
      ]);
      const { errorCode } = await kafka.fetch(place, 0);
      expect(errorCode).toBe(kafkaCode("NOT_LEADER_OR_FOLLOWER"));
      await end();
      const endedMs = performance.now();
      await whenTaken("records are taken again");
      const againMs = performance.now() - endedMs;
      await cluster.whenWhole(topic, 3);
      const times = [takenMs, againMs].map((ms) => `${Math.round(ms)} ms`);
      console.log(`taken for ${times[0]}, then ${answers.join(", ")}, again after ${times[1]}`);
    },
  );

  test("have all that was acknowledged, once and in order", async () => {
    const { records } = await kafka.fetch(place, 0, { sizeBytesMax: 8_388_608 });
    const read = recordsOf(records).map(({ value }) => textOf(value));
    expect(new Set(read).size).toBe(read.length);
    expect(read).toEqual(expect.arrayContaining(acknowledged));
  });
});
