import type { Admin } from "@platformatic/kafka";
import type { Command } from "commander";
import { bootstrapOption, jsonOption, parseIndex } from "../arguments.ts";
import { CommandFailure } from "../exit-codes.ts";
import { type BrokerOptions, withAdmin } from "../kafka-clients.ts";
import { findStart, positionHelp } from "../start-position.ts";
import { formatJson, printLine, printOutcome, printRows } from "../terminal.ts";
import { readTopics } from "../topic-offsets.ts";

interface GroupOptions extends BrokerOptions {
  readonly json?: boolean;
}

/** `xylem group …`: consumer groups of any Kafka broker. */
export function addGroupCommand(program: Command): void {
  const group = program.command("group").description("list, inspect and move consumer groups");
  group
    .command("list")
    .description("the groups with their state")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem group list")
    .action(listGroups);
  group
    .command("describe")
    .argument("<group>")
    .description("members, committed offsets and lag of a group")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem group describe billing --json")
    .action(describeGroup);
  group
    .command("reset")
    .argument("<group>")
    .description("move the committed offsets of a group without members")
    .requiredOption("--topic <topic>", "the topic")
    .requiredOption("--to <position>", positionHelp)
    .option("-p, --partition <index>", "one partition only", parseIndex)
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem group reset billing --topic orders --to earliest
  $ xylem group reset billing --topic orders --to=-100 --partition 0`,
    )
    .action(resetGroup);
  group
    .command("delete")
    .argument("<group...>")
    .description("delete groups without members, with their offsets")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem group delete billing")
    .action(deleteGroups);
  group.addHelpText(
    "after",
    `
Examples:
  $ xylem group describe billing
  $ xylem group reset billing --topic orders --to earliest`,
  );
}

async function listGroups(options: GroupOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const groups = [...(await admin.listGroups()).values()];
    const rows = groups
      .toSorted((left, right) => (left.id < right.id ? -1 : 1))
      .map(({ id, state, protocolType }) => ({ group: id, state, protocol: protocolType }));
    printRows(rows, { json: options.json, whenEmpty: "no groups" });
  });
}

async function describeGroup(name: string, options: GroupOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const group = (await admin.describeGroups({ groups: [name] })).get(name);
    if (group === undefined || group.state === "Dead" || group.state === "DEAD") {
      throw new CommandFailure(`there is no group ${name}`);
    }
    const members = [...group.members.values()].map((member) => ({
      member: member.id,
      client: member.clientId,
      host: member.clientHost,
      partitions: [...(member.assignments?.values() ?? [])]
        .flatMap(({ topic, partitions }) => partitions.map((index) => `${topic}-${index}`))
        .join(" "),
    }));
    const offsets = await readLag(admin, name);
    if (options.json) {
      return printLine(formatJson({ group: name, state: group.state, members, offsets }));
    }
    printLine(`${name}: ${group.state}, ${members.length} members\n`);
    printRows(members, { whenEmpty: "no members" });
    printLine("");
    printRows(offsets, { whenEmpty: "no committed offsets" });
  });
}

async function readLag(admin: Admin, group: string) {
  const [listed] = await admin.listConsumerGroupOffsets({ groups: [group] });
  const committed = (listed?.topics ?? []).flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ topic: name, ...partition })),
  );
  const names = [...new Set(committed.map(({ topic }) => topic))];
  const topics = new Map((await readTopics(admin, names)).map((topic) => [topic.name, topic]));
  return committed
    .filter(({ committedOffset }) => committedOffset >= 0n)
    .map(({ topic, partitionIndex, committedOffset }) => {
      const known = topics.get(topic)?.partitions.find(({ index }) => index === partitionIndex);
      return {
        topic,
        partition: partitionIndex,
        committed: committedOffset,
        end: known?.end ?? null,
        lag: known === undefined ? null : known.end - committedOffset,
      };
    })
    .toSorted((left, right) =>
      left.topic === right.topic
        ? left.partition - right.partition
        : left.topic < right.topic
          ? -1
          : 1,
    );
}

async function resetGroup(
  name: string,
  options: GroupOptions & { topic: string; to: string; partition?: number },
): Promise<void> {
  await withAdmin(options, async (admin) => {
    const [topic] = await readTopics(admin, [options.topic]);
    if (topic === undefined) throw new CommandFailure(`there is no topic ${options.topic}`);
    const spans = await findStart(admin, topic, { ...options, from: options.to });
    const partitionOffsets = spans.map(({ index, from }) => ({ partition: index, offset: from }));
    await admin.alterConsumerGroupOffsets({
      groupId: name,
      topics: [{ name: topic.name, partitionOffsets }],
    });
    const moved = spans.map(({ index, from }) => ({
      topic: topic.name,
      partition: index,
      offset: from,
    }));
    const lines = moved.map(({ partition, offset }) => `${topic.name}-${partition} to ${offset}`);
    printOutcome(moved, options, lines.join("\n"));
  });
}

async function deleteGroups(names: string[], options: GroupOptions): Promise<void> {
  await withAdmin(options, (admin) => admin.deleteGroups({ groups: names }));
  printOutcome({ deleted: names }, options, `deleted ${names.join(", ")}`);
}
