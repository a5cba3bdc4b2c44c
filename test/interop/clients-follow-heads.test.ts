import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Child, run } from "../support/child-process.ts";
import { pythonEnvironment } from "../support/python-environment.ts";
import { cacheFolder, repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import type { Tool } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { xylem } from "../support/xylem-command.ts";
import { KafkajsClient } from "./node-clients/kafkajs-client.ts";
import { PlatformaticClient } from "./node-clients/platformatic-client.ts";

const patienceMs = 60_000;
const moves = 3;

/** A producer and a consumer that stay open: sends a record, and resolves once it is read. */
type Exchange = (value: string) => Promise<void>;

let cluster: XylemCluster;

async function headOf(topic: string): Promise<number> {
  return (await cluster.partitions(1, topic))[0]?.leader ?? 0;
}

async function command(...words: string[]): Promise<void> {
  const where = ["--bootstrap", cluster.node(1).bootstrap];
  const { code, stderr } = await xylem(["cluster", ...words, ...where]);
  expect(code, stderr).toBe(0);
}

/** The topic's head goes to another node; the one that had it stays up. */
async function moveHead(topic: string): Promise<void> {
  const head = await headOf(topic);
  await command("drain", String(head), "--wait");
  expect(await headOf(topic)).not.toBe(head);
  await command("undrain", String(head));
}

async function exchangeAcrossMoves(topic: string, exchange: Exchange): Promise<void> {
  await exchange("before");
  for (let move = 1; move <= moves; move += 1) {
    await moveHead(topic);
    await exchange(`after move ${move}`);
  }
}

async function makeTopic(topic: string): Promise<string> {
  const admin = cluster.kafka().admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, replicationFactor: 3 }] });
  await admin.disconnect();
  await cluster.whenWhole(topic, 3);
  return topic;
}

function throughProgram(command: string, args: readonly string[]): Exchange {
  const child = new Child(command, args);
  onTestFinished(async () => void (await child.end("SIGKILL")));
  return async (value) => {
    child.write(`${value}\n`);
    expect(await child.nextLine(patienceMs)).toBe(`sent ${value}`);
    expect(await child.nextLine(patienceMs)).toBe(`read ${value}`);
  };
}

/** One cluster for the tests of a block. */
function describeClients(tools: readonly Tool[], name: string, body: () => void): void {
  describeWith(["etcd", ...tools], name, () => {
    beforeAll(async () => {
      cluster = await XylemCluster.start(3);
    });
    afterAll(() => cluster.stop());
    body();
  });
}

describeClients([], "Node's clients go on when heads move", () => {
  test.each([
    ["kafkajs", KafkajsClient],
    ["platformatic", PlatformaticClient],
  ])("%s", async (name, Client) => {
    const topic = await makeTopic(`heads-of-${name}`);
    const client = new Client(cluster.node(1).bootstrap);
    onTestFinished(() => client.close());
    const read: string[] = [];
    const onRecord = (record: { readonly value: string }): void => void read.push(record.value);
    const member = await client.join({ groupId: topic, topic, onRecord });
    const sent: string[] = [];
    await exchangeAcrossMoves(topic, async (value) => {
      await client.send(topic, [{ value, partition: 0 }]);
      sent.push(value);
      await waitUntil("it is read", () => read.length >= sent.length);
      expect(read).toEqual(sent);
    });
    await member.leave();
  });
});

describeClients(["python"], "Python's clients go on when heads move", () => {
  test.each(["kafka-python", "confluent-kafka"])("%s", async (name) => {
    const scripts = `${repositoryRoot}/test/interop/python`;
    const python = await pythonEnvironment("kafka", `${scripts}/requirements.txt`);
    const topic = await makeTopic(`heads-of-${name}`);
    const args = [`${scripts}/follow_head.py`, name, cluster.node(1).bootstrap, topic];
    await exchangeAcrossMoves(topic, throughProgram(python, args));
  });
});

describeClients(["go"], "Go's client goes on when heads move", () => {
  test("franz-go", async () => {
    const program = `${cacheFolder("go")}/follow-head`;
    const cwd = `${repositoryRoot}/test/interop/go`;
    const built = await run("go", ["build", "-o", program, "./followhead"], { cwd });
    expect(built.code, built.stderr).toBe(0);
    const topic = await makeTopic("heads-of-franz-go");
    const exchange = throughProgram(program, [cluster.node(1).bootstrap, topic]);
    await exchangeAcrossMoves(topic, exchange);
  });
});
