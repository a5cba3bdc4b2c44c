import type { Admin } from "@platformatic/kafka";
import type { Command } from "commander";
import {
  bootstrapOption,
  jsonOption,
  parseAssignment,
  parseCount,
  parseIndex,
} from "../arguments.ts";
import { CommandFailure } from "../exit-codes.ts";
import { type BrokerOptions, loadKafka, withAdmin } from "../kafka-clients.ts";
import { formatJson, printLine, printOutcome, printRows } from "../terminal.ts";
import { type LogPoint, parsePoint } from "../log-point.ts";
import { listOffsets, readTopics, type TopicOffsets } from "../topic-offsets.ts";
import { addEvictCommand } from "./evict.ts";
import { addForkCommand } from "./fork.ts";
import { addReindexCommand } from "./reindex.ts";

interface TopicOptions extends BrokerOptions {
  readonly json?: boolean;
}

/** `xylem topic …`: topics of any Kafka broker. */
export function addTopicCommand(program: Command): void {
  const topic = program.command("topic").description("list, create and change topics");
  addReading(topic);
  addWriting(topic);
  addEvictCommand(topic);
  addForkCommand(topic);
  addReindexCommand(topic);
  topic.addHelpText(
    "after",
    `
Examples:
  $ xylem topic create orders --partitions 3 --config retention.ms=86400000
  $ xylem topic list
  $ xylem topic config orders --set cleanup.policy=compact --unset retention.ms
  $ xylem topic truncate orders --partition 0 --before 1000
  $ xylem topic evict --all`,
  );
}

function addReading(topic: Command): void {
  topic
    .command("list")
    .description("the topics with their record counts")
    .option("--internal", "internal topics too")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem topic list --json")
    .action(listTopics);
  topic
    .command("describe")
    .argument("<topic>")
    .description("partitions, offsets and configs of a topic")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem topic describe orders")
    .action(describeTopic);
}

function addWriting(topic: Command): void {
  topic
    .command("create")
    .argument("<topic>")
    .description("create a topic")
    .option("-p, --partitions <count>", "how many partitions", parseCount)
    .option("-r, --replicas <count>", "nodes of a cluster that each partition is on", parseCount)
    .option("-c, --config <name=value...>", "configs of the topic")
    .option("--if-not-exists", "succeed when it is there already")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem topic create orders --partitions 3 --config retention.ms=86400000
  $ xylem topic create orders --replicas 3 --config min.insync.replicas=2
  $ xylem topic create orders --if-not-exists`,
    )
    .action(createTopic);
  topic
    .command("config")
    .argument("<topic>")
    .description("show or change the configs of a topic")
    .option("--set <name=value...>", "configs to set")
    .option("--unset <name...>", "configs to give back to their defaults")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem topic config orders
  $ xylem topic config orders --set cleanup.policy=compact --unset retention.ms`,
    )
    .action(configureTopic);
  topic
    .command("delete")
    .argument("<topic...>")
    .description("delete topics with all their records")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem topic delete orders invoices")
    .action(deleteTopics);
  topic
    .command("truncate")
    .argument("<topic>")
    .description("delete the oldest records of a topic")
    .option("-p, --partition <index>", "one partition only", parseIndex)
    .option(
      "--before <point>",
      "the first offset to keep, or a time such as 2026-11-21T07:00Z; without it all records go",
      parsePoint,
      {},
    )
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem topic truncate orders --partition 0 --before 1000
  $ xylem topic truncate orders --before 2026-11-21T07:00Z`,
    )
    .action(truncateTopic);
}

async function listTopics(options: TopicOptions & { internal?: boolean }): Promise<void> {
  await withAdmin(options, async (admin) => {
    const names = await admin.listTopics({ includeInternals: options.internal ?? false });
    const topics = await readTopics(admin, names.toSorted());
    const rows = topics.map((topic) => ({
      topic: topic.name,
      partitions: topic.partitions.length,
      records: countRecords(topic),
    }));
    printRows(rows, { json: options.json, whenEmpty: "no topics" });
  });
}

async function describeTopic(name: string, options: TopicOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const [topic] = await readTopics(admin, [name]);
    if (topic === undefined) throw new CommandFailure(`there is no topic ${name}`);
    const configs = (await describeConfigs(admin, name)).filter((config) => !config.isDefault);
    if (options.json) return printLine(formatJson({ ...topic, configs }));
    printLine(`${name}: ${topic.partitions.length} partitions, ${countRecords(topic)} records\n`);
    printRows(
      topic.partitions.map((partition) => ({
        partition: partition.index,
        start: partition.start,
        end: partition.end,
        leader: partition.leader,
        replicas: partition.replicas.join(","),
      })),
      { whenEmpty: "no partitions" },
    );
    for (const config of configs) printLine(`${config.name}=${config.value ?? ""}`);
  });
}

interface NewTopicOptions {
  readonly partitions?: number;
  readonly replicas?: number;
  readonly config?: string[];
  readonly ifNotExists?: boolean;
}

async function createTopic(name: string, options: TopicOptions & NewTopicOptions): Promise<void> {
  const configs = (options.config ?? []).map(parseAssignment);
  try {
    await withAdmin(options, (admin) =>
      admin.createTopics({
        topics: [name],
        partitions: options.partitions ?? -1,
        replicas: options.replicas ?? -1,
        configs,
      }),
    );
    printOutcome({ topic: name, isNew: true }, options, `created ${name}`);
  } catch (error) {
    const isThere = error instanceof CommandFailure && /already exists/i.test(error.message);
    if (!isThere || !options.ifNotExists) throw error;
    printOutcome({ topic: name, isNew: false }, options, `${name} exists already`);
  }
}

async function configureTopic(
  name: string,
  options: TopicOptions & { set?: string[]; unset?: string[] },
): Promise<void> {
  const sets = (options.set ?? []).map(parseAssignment);
  const { ConfigResourceTypes, IncrementalAlterConfigOperationTypes: operations } =
    await loadKafka();
  await withAdmin(options, async (admin) => {
    const configs = [
      ...sets.map((config) => ({ ...config, configOperation: operations.SET })),
      ...(options.unset ?? []).map((key) => ({ name: key, configOperation: operations.DELETE })),
    ];
    if (configs.length > 0) {
      await admin.incrementalAlterConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configs }],
      });
    }
    printRows(await describeConfigs(admin, name), { json: options.json, whenEmpty: "no configs" });
  });
}

async function deleteTopics(names: string[], options: TopicOptions): Promise<void> {
  await withAdmin(options, (admin) => admin.deleteTopics({ topics: names }));
  printOutcome({ deleted: names }, options, `deleted ${names.join(", ")}`);
}

async function truncateTopic(
  name: string,
  options: TopicOptions & { partition?: number; before: LogPoint },
): Promise<void> {
  await withAdmin(options, async (admin) => {
    const [topic] = await readTopics(admin, [name]);
    if (topic === undefined) throw new CommandFailure(`there is no topic ${name}`);
    const chosen = topic.partitions
      .map(({ index }) => index)
      .filter((index) => options.partition === undefined || index === options.partition);
    const found = await findPoints(admin, { name, indexes: chosen }, options.before);
    const partitions = chosen.map((partition) => ({
      partition,
      offset: found.get(`${name}-${partition}`) ?? -1n,
    }));
    const deleted = await admin.deleteRecords({ topics: [{ name, partitions }] });
    const starts = (deleted[0]?.partitions ?? []).map(({ partition, lowWatermark }) => ({
      topic: name,
      partition,
      start: lowWatermark,
    }));
    const lines = starts.map(({ partition, start }) => `${name}-${partition} starts at ${start}`);
    printOutcome(starts, options, lines.join("\n"));
  });
}

/** Where to cut, by `topic-partition`; a time after all records is after the last one: -1. */
async function findPoints(
  admin: Admin,
  topic: { name: string; indexes: readonly number[] },
  { offset, timestampMs }: LogPoint,
): Promise<ReadonlyMap<string, bigint>> {
  if (timestampMs !== undefined) return await listOffsets(admin, [topic], BigInt(timestampMs));
  const same = BigInt(offset ?? -1);
  return new Map(topic.indexes.map((index) => [`${topic.name}-${index}`, same]));
}

/** Kafka's number for a value that nobody set. */
const defaultConfigSource = 5;

async function describeConfigs(admin: Admin, name: string) {
  const { ConfigResourceTypes } = await loadKafka();
  const described = await admin.describeConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: name }],
  });
  return (described[0]?.configs ?? []).map((config) => ({
    name: config.name,
    value: config.value ?? null,
    isDefault: config.configSource === defaultConfigSource,
  }));
}

function countRecords(topic: TopicOffsets): bigint {
  return topic.partitions.reduce((sum, { start, end }) => sum + end - start, 0n);
}
