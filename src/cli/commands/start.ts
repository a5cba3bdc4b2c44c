import { type Command, Option } from "commander";
import { type NodeSettings, nodeSettings } from "../../base/settings/node-settings.ts";
import type { RunningNode } from "../../node/start-node.ts";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { formatJson, printLine } from "../terminal.ts";

/** Flags that `--help` shows; the others are listed in the settings reference. */
const shownFlags: Readonly<Record<string, string>> = {
  port: "--port <port>",
  host: "--host <address>",
  data: "--data <directory>",
  memory: "--memory [boolean]",
  insecure: "--insecure [boolean]",
  "log.level": "--log.level <level>",
};

/** `xylem start`, which is also what `xylem` alone does. */
export function addStartCommand(program: Command): void {
  const command = program
    .command("start", { isDefault: true })
    .description("serve clients at every door until stopped")
    .option("--config <file>", "a YAML file of settings (default: xylem.yaml if there is one)")
    .option("--print-url", "print only host:port on standard output when ready")
    .addOption(jsonOption());
  for (const [name, row] of Object.entries(nodeSettings)) {
    const placeholder = row.type === "boolean" ? "[boolean]" : "<value>";
    const option = new Option(shownFlags[name] ?? `--${name} ${placeholder}`, row.help);
    if (row.type === "boolean") option.preset("true");
    command.addOption(name in shownFlags ? option : option.hideHelp());
  }
  command
    .addHelpText(
      "after",
      `
Every setting of docs/settings.md is a flag (--log.retention.ms=60000), a variable
(XYLEM_LOG_RETENTION_MS) and a line of the file (log.retention.ms: 60000); flags win over
variables, variables over the file.

Examples:
  $ xylem start
  $ xylem start --port 19092 --data /var/lib/xylem
  $ xylem start --memory --port 0 --print-url`,
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .action(startAndServe);
}

async function startAndServe(options: Record<string, unknown>, command: Command): Promise<void> {
  const { config, printUrl, json, ...given } = options;
  const known = Object.entries(given).map(([name, value]) => [name, String(value)] as const);
  const flags = new Map([...known, ...unknownFlags(command.args)]);
  const [{ readNodeSettings }, { serve }] = await Promise.all([
    import("../../node/read-node-settings.ts"),
    import("../serve.ts"),
  ]);
  const read = await readNodeSettings({
    flags,
    environment: process.env,
    file: typeof config === "string" ? config : undefined,
  }).catch((error: unknown) => {
    throw new CommandFailure(messageOf(error), exitCodes.usage, error);
  });
  await serve(read, (node) => {
    if (printUrl === true) return printLine(node.address);
    const places = placesOf(read.settings, node);
    printLine(json === true ? formatJson(places) : readyLine(places));
  });
}

/** Flags that are no setting: reading the settings refuses them, with the likely name. */
function unknownFlags(args: readonly string[]): [string, string][] {
  const [first] = args;
  if (first === undefined) return [];
  const match = /^--([^=]+)(?:=(.*))?$/.exec(first);
  if (match === null) {
    const message = `there is no command "${first}"; see xylem --help`;
    throw new CommandFailure(message, exitCodes.usage);
  }
  return [[match[1] ?? "", match[2] ?? ""]];
}

/** Where each door is; `grpc` is named where it is not where HTTP is. */
function placesOf(settings: NodeSettings, node: RunningNode): Record<string, string> {
  const [kafka = "off", http, grpc] = (["kafka", "http", "grpc"] as const).map((door) =>
    node.addressOf(door),
  );
  return {
    kafka,
    http: http === undefined ? "off" : `http://${http}`,
    ...(grpc !== http && { grpc: grpc ?? "off" }),
    data: settings.memory ? "memory" : settings.data,
  };
}

function readyLine(places: Record<string, string>): string {
  const words = Object.entries(places).map(([name, place]) => `${name}=${place}`);
  return `xylem ready ${words.join(" ")}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
