import { type Command, Option } from "commander";
import { jsonOption, parseTime } from "../arguments.ts";
import { askNode } from "../ask-node.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { printOutcome } from "../terminal.ts";

interface StopOptions {
  readonly data: string;
  readonly timeout: number;
  readonly json?: boolean;
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
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem stop --data /var/lib/xylem")
    .action(stopNode);
}

/** A paused node has the request in its socket: it stops once it runs again. */
async function stopNode(options: StopOptions): Promise<void> {
  const deadlineMs = performance.now() + options.timeout;
  if ((await askNode(options.data, "stop")) === undefined) {
    throw new CommandFailure(`no node runs on ${options.data}`, exitCodes.unreachable);
  }
  for (;;) {
    const answer = await askNode(options.data, "ping");
    if (answer === undefined) break;
    if (performance.now() > deadlineMs) {
      const why = answer === "silent" ? "does not answer" : "has not stopped yet";
      throw new CommandFailure(`the node on ${options.data} ${why}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  printOutcome({ stopped: options.data }, options, "stopped");
}
