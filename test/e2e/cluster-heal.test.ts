import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { ClusterLoad } from "../support/cluster-load.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { xylem } from "../support/xylem-command.ts";

const topic = "orders";

const verify = (node: BrokerProcess, ...options: readonly string[]) =>
  xylem(["verify", "--topic", topic, "--data", node.dataFolder, ...options]);

/** In a batch in the middle of a closed segment. */
function flipByte({ dataFolder }: BrokerProcess): void {
  const folder = join(dataFolder, `${topic}-0`);
  const [, second = ""] = readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .sort();
  const path = join(folder, second);
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function electUncleanly({ port }: BrokerProcess): Promise<boolean> {
  const connection = await RawConnection.open(port);
  const wanted = [{ topic, partitions: [0] }];
  const body = { electionType: 1, topicPartitions: wanted, timeoutMs: 5_000 };
  const answer = await connection.request("ElectLeaders", 2, body);
  connection.close();
  return answer.replicaElectionResults[0]?.partitionResult[0]?.errorCode === 0;
}

describeWith(["etcd"], "a replica of three whose disk rots", () => {
  let cluster: XylemCluster;
  let load: ClusterLoad;

  beforeAll(async () => {
    cluster = await XylemCluster.start(3, { "cluster.lease.ms": "10000" });
    load = await ClusterLoad.start(cluster, topic, { "segment.records": "50" });
    await load.goOn(200);
  });

  afterAll(async () => {
    await load.stop();
    await cluster.stop();
  });

  test("leaves, is filled again by the others and is back; every node verifies clean", async () => {
    const [{ chain } = { chain: [] }] = await cluster.partitions(1, topic);
    const rotten = chain[0] ?? 0;
    flipByte(cluster.node(rotten));
    const found = await verify(cluster.node(rotten));
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining(`${topic}-0`)]);
    const node = cluster.node(rotten);
    await waitUntil("it is whole", () => node.output.includes("is whole again"), 30_000);
    await cluster.whenWhole(topic, 3);
    await load.goOn(50);
    await load.stop();
    expect(load.failures).toEqual([]);
    await waitUntil("the logs are equal", () => {
      const [one, ...more] = cluster.ids.map((id) => cluster.logBytes(id, topic, 0));
      return more.every((bytes) => one?.equals(bytes));
    });
    for (const id of cluster.ids) {
      const { code, stdout } = await verify(cluster.node(id));
      expect([id, code, stdout]).toEqual([id, 0, expect.stringContaining(" 0 damaged")]);
    }
    expect(await load.readAll()).toEqual(load.acknowledged);
  });
});

describeWith(["etcd"], "a replica of two that rots while it is the only one", () => {
  let cluster: XylemCluster;
  const values = Array.from({ length: 200 }, (_, at) => String(at));

  beforeAll(async () => {
    cluster = await XylemCluster.start(2, { "cluster.lease.ms": "10000" });
  });

  afterAll(() => cluster.stop());

  async function write(): Promise<void> {
    const kafka = cluster.kafka();
    const admin = kafka.admin();
    const configs = { "segment.records": "50", "unclean.leader.election.enable": "true" };
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    const shape = { topic, numPartitions: 1, replicationFactor: 2, configEntries };
    await admin.createTopics({ waitForLeaders: true, topics: [shape] });
    await admin.disconnect();
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const value of values) await producer.send({ topic, messages: [{ value }] });
    await producer.disconnect();
  }

  test("lets nobody join past the damage, until a hand skips it", async () => {
    await write();
    await cluster.whenWhole(topic, 2);
    const [last, wiped] = [cluster.node(1), cluster.node(2)];
    await wiped.kill();
    rmSync(wiped.dataFolder, { recursive: true });
    await last.terminate();
    flipByte(last);
    await last.restart();
    await wiped.restart();
    await waitUntil("it waits for a hand", async () => {
      const told = await xylem(["cluster", "status", "--bootstrap", last.bootstrap]);
      return told.stdout.includes("needs a hand");
    });
    await last.terminate();
    const { stdout } = await verify(last);
    const [, words = ""] = /--repair "([^"]*)"/.exec(stdout) ?? [];
    const [skipped] = /\d+(?=-\d+ of)/.exec(words) ?? [];
    expect((await verify(last, "--repair", words)).code).toBe(0);
    await last.restart();
    await waitUntil("the loss is accepted", () => electUncleanly(wiped));
    await cluster.whenWhole(topic, 2);
    await waitUntil("the logs are equal", () =>
      cluster.logBytes(1, topic, 0).equals(cluster.logBytes(2, topic, 0)),
    );
    const answer = await fetch(
      `http://${wiped.bootstrap}/v1/topics/${topic}/partitions/0/records?offset=0&limit=200`,
    );
    const { records } = (await answer.json()) as { records: { value: unknown }[] };
    const read = records.map(({ value }) => String(value));
    expect(read).toEqual(values.filter((value) => value !== skipped));
  });
});
