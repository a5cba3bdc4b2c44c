import type { Command } from "commander";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { printLine, printRows } from "../terminal.ts";

/** `xylem config …`: the node's own settings, without starting it. */
export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("the node's settings")
    .command("check")
    .description(
      "read the settings file and the environment, and say what they set or what is wrong",
    )
    .option("--config <file>", "a YAML file of settings (default: xylem.yaml if there is one)")
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem config check --config /etc/xylem.yaml")
    .action(checkConfig);
}

async function checkConfig(options: { config?: string; json?: boolean }): Promise<void> {
  const { readNodeSettings } = await import("../../node/read-node-settings.ts");
  const sources = { flags: new Map(), environment: process.env, file: options.config };
  const read = await readNodeSettings(sources).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(message, exitCodes.usage, error);
  });
  const rows = [...read.given].map(([name, value]) => ({ name, value }));
  printRows(rows, { json: options.json, whenEmpty: "all settings have their defaults" });
  if (!options.json) printLine("the settings are good");
}
