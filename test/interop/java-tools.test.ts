import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { JavaTools, startJavaTool, type JavaTool } from "../support/java-tools.ts";
import { isLongRun } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

describeWith(["java", "maven"], "Kafka's own command-line tools", () => {
  let broker: BrokerProcess;
  let tools: JavaTools;
  const folder = makeTemporaryFolder("java-tools");

  /** Runs a tool against the broker and answers what it printed. */
  const ask = (tool: JavaTool, args: string[], input = ""): Promise<string> =>
    tools.output(tool, ["--bootstrap-server", broker.bootstrap, ...args], input);

  const createTopic = (topic: string, ...options: string[]): Promise<string> =>
    ask("kafka-topics", ["--create", "--topic", topic, ...options]);

  beforeAll(async () => {
    [broker, tools] = await Promise.all([startBroker(), JavaTools.start()]);
  });

  afterAll(async () => {
    await Promise.all([broker.stop(), tools.close()]);
    removeFolder(folder);
  });

  test("kafka-topics creates, lists, describes, widens and deletes a topic", async () => {
    await createTopic("tools-topic", "--partitions", "3", "--config", "retention.ms=7200000");
    expect((await ask("kafka-topics", ["--list"])).split("\n")).toContain("tools-topic");
    const described = await ask("kafka-topics", ["--describe", "--topic", "tools-topic"]);
    expect(described).toMatch(/PartitionCount: 3\s.*ReplicationFactor: 1\s.*retention.ms=7200000/);
    await ask("kafka-topics", ["--alter", "--topic", "tools-topic", "--partitions", "5"]);
    const widened = await ask("kafka-topics", ["--describe", "--topic", "tools-topic"]);
    expect(widened).toContain("PartitionCount: 5");
    await ask("kafka-topics", ["--delete", "--topic", "tools-topic"]);
    expect((await ask("kafka-topics", ["--list"])).split("\n")).not.toContain("tools-topic");
  });

  test("kafka-topics reports a topic that exists, and --if-not-exists accepts it", async () => {
    await createTopic("tools-twice");
    const bootstrap = ["--bootstrap-server", broker.bootstrap];
    const create = [...bootstrap, "--create", "--topic", "tools-twice"];
    const second = await tools.run("kafka-topics", create);
    expect(second.code).not.toBe(0);
    expect(second.stdout + second.stderr).toMatch(/already exists/);
    expect((await tools.run("kafka-topics", [...create, "--if-not-exists"])).code).toBe(0);
  });

  test("kafka-configs changes a topic's settings and shows each with its source", async () => {
    await createTopic("tools-configs");
    const entity = ["--entity-type", "topics", "--entity-name", "tools-configs"];
    await ask("kafka-configs", ["--alter", ...entity, "--add-config", "max.message.bytes=2000000"]);
    const changed = await ask("kafka-configs", ["--describe", ...entity]);
    expect(changed).toMatch(/max\.message\.bytes=2000000 .*DYNAMIC_TOPIC_CONFIG/);
    await ask("kafka-configs", ["--alter", ...entity, "--delete-config", "max.message.bytes"]);
    const all = await ask("kafka-configs", ["--describe", "--all", ...entity]);
    expect(all).toMatch(/max\.message\.bytes=1048588 .*DEFAULT_CONFIG/);
    for (const name of ["cleanup.policy", "segment.bytes", "retention.ms", "min.insync.replicas"]) {
      expect(all).toContain(`${name}=`);
    }
  });

  test("kafka-configs describes the broker", async () => {
    const { nodeId } = await describedNode();
    const entity = ["--entity-type", "brokers", "--entity-name", nodeId, "--all"];
    const described = await ask("kafka-configs", ["--describe", ...entity]);
    expect(described).toMatch(/message\.max\.bytes=1048588/);
  });

  test("the console producer's lines reach the console consumer", async () => {
    await createTopic("tools-console", "--partitions", "2");
    const keyed = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"];
    const lines = Array.from({ length: 200 }, (_, index) => `k${index % 7}:v${index}`);
    await ask("kafka-console-producer", ["--topic", "tools-console", ...keyed], lines.join("\n"));
    const withKeys = ["--formatter-property", "print.key=true"];
    const separated = ["--formatter-property", "key.separator=:"];
    const shown = [...withKeys, ...separated];
    const read = await consoleConsumer("tools-console", lines.length, shown);
    expect(read.toSorted()).toEqual(lines.toSorted());
  });

  for (const codec of ["gzip", "snappy", "lz4", "zstd"]) {
    test(`what the console producer compresses with ${codec} is read back`, async () => {
      const topic = `tools-${codec}`;
      await createTopic(topic);
      const lines = Array.from({ length: 100 }, (_, index) => `${codec} line ${index}`);
      const compressed = ["--topic", topic, "--compression-codec", codec];
      await ask("kafka-console-producer", compressed, lines.join("\n"));
      expect(await consoleConsumer(topic, lines.length)).toEqual(lines);
    });
  }

  test("kafka-get-offsets answers end and start; delete-records moves it", async () => {
    await createTopic("tools-offsets");
    await ask("kafka-console-producer", ["--topic", "tools-offsets"], "1\n2\n3\n4\n5");
    expect(await offsetAt("tools-offsets", "-1")).toBe(5);
    expect(await offsetAt("tools-offsets", "-2")).toBe(0);
    expect(await offsetAt("tools-offsets", "1")).toBe(0);
    expect(await offsetAt("tools-offsets", "-3")).toBeGreaterThanOrEqual(0);
    const partitions = [{ topic: "tools-offsets", partition: 0, offset: 3 }];
    const file = `${folder}/deletion.json`;
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    await ask("kafka-delete-records", ["--offset-json-file", file]);
    expect(await offsetAt("tools-offsets", "-2")).toBe(3);
    expect(await consoleConsumer("tools-offsets", 2)).toEqual(["4", "5"]);
  });

  test("kafka-consumer-groups lists, describes, resets and deletes a group", async () => {
    await createTopic("tools-group");
    await ask("kafka-console-producer", ["--topic", "tools-group"], "1\n2\n3\n4\n5\n6");
    await consoleConsumer("tools-group", 4, ["--group", "tools-readers"]);
    expect((await ask("kafka-consumer-groups", ["--list"])).split("\n")).toContain("tools-readers");
    const group = ["--group", "tools-readers"];
    const described = await ask("kafka-consumer-groups", ["--describe", ...group]);
    expect(described).toMatch(/tools-readers\s+tools-group\s+0\s+\d\s+6\s+\d/);
    const state = await ask("kafka-consumer-groups", ["--describe", "--state", ...group]);
    expect(state).toMatch(/Empty/);
    const reset = ["--reset-offsets", "--to-offset", "1", "--topic", "tools-group", "--execute"];
    await ask("kafka-consumer-groups", [...reset, ...group]);
    const read = await consoleConsumer("tools-group", 5, group);
    expect(read).toEqual(["2", "3", "4", "5", "6"]);
    await ask("kafka-consumer-groups", ["--delete", ...group]);
    const left = (await ask("kafka-consumer-groups", ["--list"])).split("\n");
    expect(left).not.toContain("tools-readers");
  });

  test("the perf tests send and fetch all their records", async () => {
    await createTopic("tools-perf", "--partitions", "3");
    const count = isLongRun ? 1_000_000 : 20_000;
    const size = ["--num-records", String(count), "--record-size", "1024", "--throughput", "-1"];
    const client = ["--producer-props", `bootstrap.servers=${broker.bootstrap}`, "acks=all"];
    const sending = ["--topic", "tools-perf", ...size, ...client];
    const produced = await tools.output("kafka-producer-perf-test", sending);
    expect(produced).toMatch(new RegExp(`${count} records sent, .* MB/sec`));
    const consume = ["--topic", "tools-perf", "--num-records", String(count)];
    const fetched = await ask("kafka-consumer-perf-test", [...consume, "--timeout", "60000"]);
    const columns = fetched.trim().split("\n").at(-1)?.split(", ") ?? [];
    expect(Number(columns[4])).toBeGreaterThanOrEqual(count);
  });

  test("VerifiableProducer's acknowledged values all reach VerifiableConsumer", async () => {
    await createTopic("tools-verifiable", "--partitions", "2");
    const count = isLongRun ? 100_000 : 1_000;
    const common = ["--topic", "tools-verifiable", "--max-messages", String(count)];
    const bootstrap = ["--bootstrap-server", broker.bootstrap];
    const group = ["--group-id", "verifiable", "--reset-policy", "earliest", "--verbose"];
    const consuming = [...bootstrap, ...common, ...group];
    const consumer = await startJavaTool("kafka-verifiable-consumer", consuming);
    const producing = [...bootstrap, ...common, "--acks", "-1"];
    const producer = await startJavaTool("kafka-verifiable-producer", producing);
    const produced = (await producer.outcome(60_000)).stdout;
    const sent = eventsOf(produced).filter((each) => each.name === "producer_send_success");
    expect(sent).toHaveLength(count);
    const consumed = (await consumer.outcome(60_000)).stdout;
    const values = eventsOf(consumed).filter((each) => each.name === "record_data");
    const expected = sent.map((each) => Number(each.value)).toSorted((a, b) => a - b);
    expect(values.map((each) => Number(each.value)).toSorted((a, b) => a - b)).toEqual(expected);
  });

  async function describedNode(): Promise<{ nodeId: string }> {
    const described = await ask("kafka-topics", ["--describe"]);
    return { nodeId: /Leader: (\d+)/.exec(described)?.[1] ?? "none" };
  }

  async function consoleConsumer(
    topic: string,
    count: number,
    options: readonly string[] = [],
  ): Promise<string[]> {
    const stop = ["--max-messages", String(count), "--timeout-ms", "20000"];
    const start = ["--topic", topic, "--from-beginning"];
    const read = await ask("kafka-console-consumer", [...start, ...stop, ...options]);
    return read.split("\n").filter((line) => line !== "");
  }

  async function offsetAt(topic: string, time: string): Promise<number> {
    const answer = await ask("kafka-get-offsets", ["--topic", topic, "--time", time]);
    return Number(answer.trim().split(":").at(-1));
  }
});

interface ToolEvent {
  readonly name: string;
  readonly value?: string;
}

/** The events that Kafka's verifiable clients print, one JSON object a line. */
function eventsOf(output: string): ToolEvent[] {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as ToolEvent);
}
