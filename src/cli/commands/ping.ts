import { type Command, Option } from "commander";
import { jsonOption } from "../arguments.ts";
import { askNode } from "../ask-node.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { withAdmin } from "../kafka-clients.ts";
import { printOutcome } from "../terminal.ts";

interface PingOptions {
  readonly data: string;
  readonly bootstrap?: string;
  readonly json?: boolean;
}

/** `xylem ping`: whether a node answers, on a data directory or at an address. */
export function addPingCommand(program: Command): void {
  program
    .command("ping")
    .description("ask a node whether it lives")
    .option("--data <directory>", "the node on this data directory", "./data")
    .addOption(new Option("-b, --bootstrap <host:port>", "any Kafka broker at this address"))
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem ping\n  $ xylem ping -b 127.0.0.1:9092")
    .action(ping);
}

async function ping(options: PingOptions): Promise<void> {
  if (options.bootstrap !== undefined) return pingBroker(options.bootstrap, options);
  const answer = await askNode(options.data, "ping");
  if (answer === undefined) {
    throw new CommandFailure(`no node runs on ${options.data}`, exitCodes.unreachable);
  }
  if (answer === "silent") {
    throw new CommandFailure(`the node on ${options.data} does not answer`, exitCodes.unreachable);
  }
  printOutcome({ data: options.data, answer: answer.line }, options, answer.line);
}

async function pingBroker(bootstrap: string, options: PingOptions): Promise<void> {
  const cluster = await withAdmin({ bootstrap }, (admin) => admin.metadata({ topics: [] }));
  const brokers = cluster.brokers.size;
  const sentence = `pong ${bootstrap} cluster=${cluster.id} brokers=${brokers}`;
  printOutcome({ bootstrap, cluster: cluster.id, brokers }, options, sentence);
}
