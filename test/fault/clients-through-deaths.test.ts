import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child } from "../support/child-process.ts";
import { startJavaTool } from "../support/java-tools.ts";
import { kcat } from "../support/kcat.ts";
import { RawClient } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

const linesPerTurn = 50;
const turnMs = 20;
const turnsAfterDeath = 100;
const deliveredWithinMs = 60_000;

describeWith(["etcd", "kcat"], "a chain of three whose head dies", () => {
  let cluster: XylemCluster;

  beforeAll(async () => {
    cluster = await XylemCluster.start(3);
  });

  afterAll(() => cluster.stop());

  const bootstrap = (): string => cluster.ids.map((id) => cluster.node(id).bootstrap).join(",");

  async function makeTopic(topic: string): Promise<void> {
    const client = await RawClient.open(cluster.node(1).port);
    const configs = { "min.insync.replicas": "2" };
    await waitUntil(`${topic} is made`, async () => {
      return (await client.createTopic(topic, { replicas: 3, configs })).errorCode === 0;
    });
    client.close();
    await cluster.whenWhole(topic, 3);
  }

  /** Feeds lines to the producer, kills the head midway and starts it again at the end. */
  async function feedThroughDeath(topic: string, producer: Child): Promise<string[]> {
    const lines: string[] = [];
    const feed = async (): Promise<void> => {
      const from = lines.length;
      for (let at = 0; at < linesPerTurn; at += 1) lines.push(`line ${from + at}`);
      producer.write(`${lines.slice(from).join("\n")}\n`);
      await sleep(turnMs);
    };
    const whereLed = async () => (await cluster.partitions(1, topic))[0];
    const head = cluster.node((await whereLed())?.leader ?? -1);
    const client = await RawClient.open(head.port);
    await waitUntil("records arrive", async () => {
      await feed();
      return Number((await client.listOffset([topic, 0], -1)).offset) > 0;
    });
    client.close();
    await head.kill();
    for (let turn = 0; turn < turnsAfterDeath; turn += 1) await feed();
    producer.endInput();
    const { code, stderr } = await producer.outcome(deliveredWithinMs);
    expect(stderr).not.toMatch(/FATAL|Delivery failed|Error when sending/);
    expect(code).toBe(0);
    await head.restart();
    await cluster.whenWhole(topic, 3);
    return lines;
  }

  async function read(topic: string): Promise<string[]> {
    const { stdout } = await kcat(bootstrap(), ["-C", "-t", topic, "-o", "beginning", "-e", "-q"]);
    return stdout.trimEnd().split("\n");
  }

  test("takes every line of kcat's idempotent producer once and in order", async () => {
    await makeTopic("from-kcat");
    const settings = ["-X", "enable.idempotence=true", "-X", "linger.ms=5"];
    const where = ["-b", bootstrap(), "-X", "broker.address.family=v4", "-t", "from-kcat"];
    const lines = await feedThroughDeath(
      "from-kcat",
      new Child("kcat", ["-P", ...where, ...settings]),
    );
    expect(await read("from-kcat")).toEqual(lines);
  });

  describeWith(["java", "maven"], "under Java's producer", () => {
    test("takes every line of the console producer once and in order", async () => {
      await makeTopic("from-java");
      const patience = ["--message-send-max-retries", "1000000", "--retry-backoff-ms", "100"];
      const where = ["--bootstrap-server", bootstrap(), "--topic", "from-java"];
      const producer = await startJavaTool("kafka-console-producer", [...where, ...patience]);
      const lines = await feedThroughDeath("from-java", producer);
      expect(await read("from-java")).toEqual(lines);
    });
  });
});
