import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { catalogue, corruptInStore, type ErrorRow } from "../src/base/error-catalogue.ts";
import { bucketSettings } from "../src/base/settings/bucket-settings.ts";
import { groupConfigSettings } from "../src/base/settings/group-config-settings.ts";
import { shareMemory } from "../src/base/settings/share-memory.ts";
import { variableOf } from "../src/base/settings/merge-settings.ts";
import { defaultNodeSettings, nodeSettings } from "../src/base/settings/node-settings.ts";
import { formatSetting } from "../src/base/settings/parse-setting.ts";
import { parseByteCount } from "../src/base/settings/rows.ts";
import type { Setting, SettingTable } from "../src/base/settings/setting.ts";
import { topicSettings } from "../src/base/settings/topic-settings.ts";
import { commandSections } from "./command-page.ts";
import { type ApiName, apiNames, apiTable } from "../src/protocol/api-table.ts";

/** The reference pages that are made from the product's own tables, by path. */
export function docsTables(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/settings.md", settingsPage()],
    ["docs/topic-settings.md", topicSettingsPage()],
    ["docs/memory.md", memoryPage()],
    ["docs/command-line.md", commandPage()],
    ["docs/errors.md", errorsPage()],
    ["docs/protocol-support.md", protocolPage()],
  ]);
}

/** Which pages differ from what the tables say. */
export function stalePages(root: string): readonly string[] {
  return [...docsTables()]
    .filter(([path, text]) => readPage(resolve(root, path)) !== text)
    .map(([path]) => path);
}

const generated = "<!-- Made by scripts/docs-tables.ts from the tables in src. -->";

function settingsPage(): string {
  const rows = sorted(nodeSettings).map(([name, row]) => [
    code(name),
    row.type,
    shownDefault(row),
    row.valid ?? "",
    row.dynamic === undefined ? "at start" : "live",
    row.help,
  ]);
  return page("Settings of a node", [
    "Each one is a flag (`--log.retention.ms 1000`), a variable " +
      `(\`${variableOf("log.retention.ms")}=1000\`) and an entry of \`xylem.yaml\`; flags count ` +
      "more than variables, variables more than the file. Names are Kafka's where Kafka has " +
      "them. Unknown names are errors. What is marked live also changes through Kafka's own " +
      "`kafka-configs --entity-type brokers`.",
    table(["name", "type", "default", "valid", "changes", "meaning"], rows),
  ]);
}

const budgetsShown = ["64MiB", "256MiB", "1GiB", "4GiB"];

function memoryPage(): string {
  const shares = budgetsShown.map((budget) => shareMemory(parseByteCount(budget) ?? 0, false));
  const names = [...(shares[0]?.keys() ?? [])].sort();
  const rows = names.map((name) => [
    code(name),
    shownBound(name, defaultNodeSettings[name] as number),
    ...shares.map((share) => shownBound(name, share.get(name) as number)),
  ]);
  return page("Memory of a node", [
    "The buffers that grow with the load have bounds, and `memory.budget` sets them all at once: " +
      "`--memory.budget 256MiB`. A bound that is given itself keeps its value. The budget does " +
      "not count the process itself, about 100 MiB, nor what is kept for each partition and " +
      "connection. With `--memory` half of it is the store's, and the rest is shared as below. " +
      "In MiB, keys by their number:",
    table(["bound", "default", ...budgetsShown], rows),
  ]);
}

const shownBound = (name: string, value: number): string =>
  name === "idempotency.keys.max" ? String(value) : mebibytes(value);

const mebibytes = (bytes: number): string => String(Math.round((bytes / 1024 ** 2) * 10) / 10);

/** Taken, kept and shown to Kafka's tools, though nothing in the broker goes by them yet. */
export const topicSettingsWithoutEffect: readonly (keyof typeof topicSettings)[] = [
  "local.retention.bytes",
  "local.retention.ms",
  "preallocate",
  "remote.log.copy.disable",
  "remote.log.delete.on.disable",
];

function topicSettingsPage(): string {
  const topicRows = sorted(topicSettings).map(([name, row]) => [
    code(name),
    row.type,
    shownDefault(row),
    row.valid ?? "",
    row.brokerName === undefined ? "" : code(row.brokerName),
    row.help,
  ]);
  const bucketRows = sorted(bucketSettings).map(([name, row]) => [
    code(name),
    row.type,
    shownDefault(row),
    row.valid ?? "",
    row.help,
  ]);
  const groupRows = sorted(groupConfigSettings).map(([name, row]) => [
    code(name),
    row.type,
    shownDefault(row),
    row.valid ?? "",
    row.help,
  ]);
  return page("Settings of topics and groups", [
    "Set when a topic is created, or later with any Kafka tool; they take effect at once. A " +
      "topic that does not set one has the node's default: the setting in *node setting*.",
    table(["name", "type", "default", "valid", "node setting", "meaning"], topicRows),
    "## Buckets",
    "A bucket holds the topics named `<bucket>.<stream>`, up to the first dot, from when it is " +
      "created (`xylem bucket create`). It takes every setting above: its topics have them where " +
      "they set none themselves, before the node's default. And it has its own:",
    table(["name", "type", "default", "valid", "meaning"], bucketRows),
    "Kept and shown, but without effect so far: " +
      `${topicSettingsWithoutEffect.map(code).join(", ")}. ` +
      "`remote.storage.enable` can not be switched on.",
    "## Groups",
    "Set with `kafka-configs --entity-type groups`, or over HTTP at `/v1/configs/groups/`. Those " +
      "of `consumer.` are for groups whose partitions the server assigns: members over HTTP and " +
      "gRPC. Those of `share.` are kept and shown, but without effect so far.",
    table(["name", "type", "default", "valid", "meaning"], groupRows),
  ]);
}

function commandPage(): string {
  return page("The command line", [
    "What `xylem --help` and the `--help` of each command print. Every command that prints an " +
      "answer prints it as JSON with `--json`. `xylem start` takes every setting of " +
      "[settings.md](settings.md) as a flag. `xylem completion bash` (or `zsh`, `fish`) prints a " +
      "script that completes all of it.",
    ...commandSections(),
  ]);
}

function errorsPage(): string {
  const rows = Object.entries(catalogue as Readonly<Record<string, ErrorRow>>).map(
    ([name, row]) => [
      code(name),
      String(row.kafka),
      row.retriable ? "yes" : "no",
      String(row.http),
      code(row.grpc),
    ],
  );
  return page("Errors", [
    "Every error that a client may see, and how each door shows it. *Retriable* is what Kafka's " +
      "own clients make of it. `CORRUPT_MESSAGE` is the answer to damaged bytes that a client " +
      `sent; for damaged bytes in the store, HTTP answers ${corruptInStore.http} and gRPC ` +
      `${code(corruptInStore.grpc)}, as not retriable.`,
    table(["code", "Kafka", "retriable", "HTTP", "gRPC"], rows),
  ]);
}

/** What a version range alone does not tell. */
const apiNotes: { readonly [Name in ApiName]?: string } = {
  AlterConfigs: "Topics, brokers and groups. What is not given goes back to its default.",
  ApiVersions: "An unknown version is answered in version 0, with error 35 and this range.",
  CreatePartitions: "A node by itself: each partition has one replica.",
  CreateTopics: "A node by itself: a replication factor of 1. -1 is `default.replication.factor`.",
  DescribeConfigs: "Topics, brokers and groups; no broker loggers, no client metrics.",
  DescribeGroups: "Groups of the classic protocol.",
  Fetch: "With incremental sessions; tells aborted transactions.",
  FindCoordinator: "Groups. Transactions and share groups: `COORDINATOR_NOT_AVAILABLE`.",
  IncrementalAlterConfigs: "Topics, brokers and groups.",
  InitProducerId: "Idempotent producers. Transactional ids: `NOT_COORDINATOR`.",
  JoinGroup: "The classic protocol, static members included.",
  ListOffsets: "All special times; there is no remote tier, so -5 and -6 find nothing.",
  Metadata: "Makes unknown topics where `auto.create.topics.enable` and the request allow it.",
  Produce: "Idempotent, without transactions.",
};

function protocolPage(): string {
  const rows = apiNames
    .map((name) => ({ name, ...apiTable[name] }))
    .sort((one, other) => one.key - other.key)
    .map(({ key, name, served, listed }) => {
      const listedOnly =
        listed.min < served.min
          ? `Listed from ${listed.min}, by which older clients know what the broker can do; ` +
            `below ${served.min} the connection is closed.`
          : "";
      const note = [apiNotes[name] ?? "", listedOnly].filter((text) => text !== "").join(" ");
      return [String(key), name, shownVersions(served), note];
    });
  return page("Kafka's protocol, as far as it is served", [
    "What ApiVersions tells a client, with the versions of Kafka 4.3. Any other API or version " +
      "closes the connection, and the log says which client sent it. Within these versions " +
      "requests and answers are Kafka's, field by field.",
    table(["key", "API", "versions", "note"], rows),
  ]);
}

function shownVersions({ min, max }: { readonly min: number; readonly max: number }): string {
  return min === max ? String(min) : `${min} to ${max}`;
}

function sorted(settings: SettingTable): readonly [string, Setting<unknown>][] {
  return Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
}

function shownDefault(row: Setting<unknown>): string {
  const text = formatSetting(row, row.initial);
  if (text === null) return "not set";
  return text === "" ? "empty" : code(text);
}

const code = (text: string): string => `\`${text}\``;

function page(title: string, parts: readonly string[]): string {
  return `${[`# ${title}`, generated, ...parts].join("\n\n")}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "--")), ...rows.map(line)].join("\n");
}

function readPage(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Writes the pages, or with `--check` only tells which are stale. */
function main(): void {
  const root = resolve(import.meta.dirname, "..");
  if (process.argv.includes("--check")) {
    const stale = stalePages(root);
    for (const path of stale) console.error(`${path} is stale: run node scripts/docs-tables.ts`);
    process.exitCode = stale.length > 0 ? 1 : 0;
    return;
  }
  for (const [path, text] of docsTables()) writeFileSync(resolve(root, path), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
