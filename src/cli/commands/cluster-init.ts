import { type Command, Option } from "commander";
import type { MoveIn, MoveReport } from "../../node/move-in-node.ts";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { holdStopped } from "../hold-stopped.ts";
import { formatJson, printLine } from "../terminal.ts";

const dayMs = 86_400_000;

interface InitOptions {
  readonly fromLocal?: boolean;
  readonly undo?: boolean;
  readonly coordinator?: string;
  readonly "cluster.name"?: string;
  readonly data?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** `xylem cluster init`: a node by itself becomes the first of a cluster. */
export function addClusterInitCommand(cluster: Command): void {
  cluster
    .command("init")
    .description("make a cluster of a stopped node by itself")
    .addOption(new Option("--from-local", "move what the data directory's node kept"))
    .option("--coordinator <address>", "etcd://host:port,... or consul://...")
    .option("--cluster.name <name>", "of several clusters on one coordinator")
    .option("--data <directory>", "the data directory")
    .option("--config <file>", "a YAML file of settings (default: xylem.yaml if there is one)")
    .option("--undo", "take back a move that was cut short")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Topics, configs, buckets, groups, producer ids and the cluster's id go to the coordinator, once and
whole: another node sees nothing of them before the last write, and a cluster that is there already
is refused. The logs stay where they are. A move that was cut short goes on when it is run again.
Afterwards the data directory starts with the setting coordinator only, and clients go on where
they were: same offsets, same groups. Each partition is on this node alone until a plan, or a
reassignment, gives it further replicas.

Examples:
  $ xylem stop --data /var/lib/xylem
  $ xylem cluster init --from-local --coordinator etcd://10.0.0.5:2379 --data /var/lib/xylem
  $ xylem start --coordinator etcd://10.0.0.5:2379 --cluster.secret file:/etc/xylem/secret \\
      --data /var/lib/xylem`,
    )
    .action(init);
}

async function init(options: InitOptions): Promise<void> {
  const { fromLocal, undo, json } = options;
  if (fromLocal !== true && undo !== true) {
    const how = "a cluster that begins empty needs no command: start its nodes";
    throw new CommandFailure(`--from-local is missing; ${how}`, exitCodes.usage);
  }
  const move = await readMove(options);
  const { data, coordinator } = move.settings;
  // Nothing else may keep the process alive while the coordinator is waited for.
  const alive = setInterval(() => {}, dayMs);
  const lock = await holdStopped(data, () => undefined);
  try {
    const { moveIn, undoMove } = await import("../../node/move-in-node.ts");
    if (undo === true) {
      await run(() => undoMove(move));
      return printLine(json ? formatJson({ undone: true }) : `${data}: a node by itself again`);
    }
    const report = await run<MoveReport>(() => moveIn(move));
    if (json) return printLine(formatJson(report));
    const { topics, partitions, entries } = report;
    printLine(`${coordinator}: ${topics} topics, ${partitions} partitions, ${entries} entries`);
    printLine(`start it with: ${startLine(options, move)}`);
  } finally {
    await lock?.release();
    clearInterval(alive);
  }
}

/** What is neither in this environment nor in the settings file is told; a secret never is. */
function startLine(options: InitOptions, { settings }: MoveIn): string {
  const { config, "cluster.name": name } = options;
  const words = ["xylem start"];
  if (config !== undefined) words.push(`--config ${config}`);
  words.push(`--coordinator ${settings.coordinator}`);
  if (name !== undefined) words.push(`--cluster.name ${name}`);
  // Without it a node of a cluster does not start.
  if (settings["cluster.secret"] === "") words.push("--cluster.secret file:<the cluster's secret>");
  return [...words, `--data ${settings.data}`].join(" ");
}

async function readMove(options: InitOptions): Promise<MoveIn> {
  const { readNodeSettings } = await import("../../node/read-node-settings.ts");
  const { openLog } = await import("../../node/node-log.ts");
  const given = [
    ["coordinator", options.coordinator],
    ["cluster.name", options["cluster.name"]],
    ["data", options.data],
  ] as const;
  const flags = new Map(
    given.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
  const sources = { flags, environment: process.env, file: options.config };
  const { settings } = await readNodeSettings(sources).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(message, exitCodes.usage, error);
  });
  if (settings.coordinator === "") {
    throw new CommandFailure("which coordinator? give --coordinator", exitCodes.usage);
  }
  const write = (line: string): void => void process.stderr.write(line);
  const log = await openLog({ level: "warn", format: "text", write });
  const progress = (written: number, total: number): void => {
    if (written % 6_000 < 60 || written === total) write(`${written} of ${total} written\n`);
  };
  return { settings, log, progress };
}

async function run<T>(work: () => Promise<T>): Promise<T> {
  const { XylemError } = await import("../../base/errors.ts");
  try {
    return await work();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof XylemError ? error.cause : error;
    if (!(cause instanceof XylemError)) throw error;
    throw new CommandFailure(cause.message, exitCodes.failed, cause);
  }
}
