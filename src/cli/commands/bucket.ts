import type { Command } from "commander";
import type { BucketDescription } from "../../broker/buckets/change-bucket.ts";
import { jsonOption, parseAssignment } from "../arguments.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { formatJson, printLine, printOutcome, printRows } from "../terminal.ts";

interface BucketOptions extends NodeOptions {
  readonly json?: boolean;
}

/** `xylem bucket …`: policies that topics named `<bucket>.<stream>` share, by the node itself. */
export function addBucketCommand(program: Command): void {
  const bucket = program
    .command("bucket")
    .description("buckets: configs and a budget for all topics named <bucket>.<stream>");
  bucket
    .command("create")
    .argument("<bucket>")
    .description("create a bucket; topics of its name are in it at once")
    .option("-c, --config <name=value...>", "topic configs, and bucket.retention.bytes")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ xylem bucket create acme --config retention.ms=86400000",
    )
    .action(createBucket);
  bucket
    .command("list")
    .description("the buckets with what they hold")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem bucket list")
    .action(listBuckets);
  bucket
    .command("config")
    .argument("<bucket>")
    .description("show or change the configs of a bucket")
    .option("--set <name=value...>", "configs to set")
    .option("--unset <name...>", "configs to give back to the node's defaults")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ xylem bucket config acme --set cleanup.policy=compact --unset retention.ms",
    )
    .action(configureBucket);
  bucket.addHelpText(
    "after",
    `
Examples:
  $ xylem bucket create acme --config retention.ms=86400000 bucket.retention.bytes=10000000000
  $ xylem bucket config acme --set cleanup.policy=compact --unset retention.ms`,
  );
}

async function createBucket(
  name: string,
  options: BucketOptions & { config?: string[] },
): Promise<void> {
  const argument = { name, configs: toObject(options.config) };
  const made = await callNode<BucketDescription>(options, "bucket.create", argument);
  printOutcome(made, options, `created ${made.name} with ${made.topics} topics`);
}

async function listBuckets(options: BucketOptions): Promise<void> {
  const buckets = await callNode<readonly BucketDescription[]>(options, "bucket.list", {});
  if (options.json) return printLine(formatJson(buckets));
  const rows = buckets.map(({ name, topics, sizeBytes, configs }) => ({
    bucket: name,
    topics,
    bytes: sizeBytes,
    configs: Object.keys(configs).length,
  }));
  printRows(rows, { whenEmpty: "no buckets" });
}

async function configureBucket(
  name: string,
  options: BucketOptions & { set?: string[]; unset?: string[] },
): Promise<void> {
  const argument = { name, set: toObject(options.set), unset: options.unset ?? [] };
  const bucket = await callNode<BucketDescription>(options, "bucket.configure", argument);
  if (options.json) return printLine(formatJson(bucket));
  const rows = Object.entries(bucket.configs).map(([config, value]) => ({ config, value }));
  printRows(rows, { whenEmpty: "no configs" });
}

function toObject(assignments: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    assignments.map(parseAssignment).map(({ name, value }) => [name, value]),
  );
}
