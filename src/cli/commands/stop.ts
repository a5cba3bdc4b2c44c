import { type Command, Option } from "commander";
import { parseTime } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { printLine } from "../terminal.ts";

interface StopOptions {
  readonly data: string;
  readonly timeout: number;
}

const timeoutMs = 30_000;
const pollMs = 50;

/** `xylem stop`: stops the node that holds a data directory, and waits until it has. */
export function addStopCommand(program: Command): void {
  program
    .command("stop")
    .description("stop the node on a data directory and wait until it has stopped")
    .option("--data <directory>", "its data directory", "./data")
    .addOption(
      new Option("--timeout <duration>", "how long to wait")
        .default(timeoutMs, "30s")
        .argParser(parseTime),
    )
    .addHelpText("after", "\nExamples:\n  $ xylem stop --data /var/lib/xylem")
    .action(stopNode);
}

async function stopNode(options: StopOptions): Promise<void> {
  const { askHolder } = await import("../../storage/directory-lock.ts");
  const deadlineMs = performance.now() + options.timeout;
  if ((await askHolder(options.data, "stop")) === undefined) {
    throw new CommandFailure(`no node runs on ${options.data}`, exitCodes.unreachable);
  }
  while ((await askHolder(options.data, "ping")) !== undefined) {
    if (performance.now() > deadlineMs) {
      throw new CommandFailure(`the node on ${options.data} has not stopped yet`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  printLine("stopped");
}
