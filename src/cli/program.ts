import { Command } from "commander";
import { addBenchCommand } from "./commands/bench.ts";
import { addBucketCommand } from "./commands/bucket.ts";
import { addClusterCommand } from "./commands/cluster.ts";
import { addCompletionCommand } from "./commands/completion.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addConsumeCommand } from "./commands/consume.ts";
import { addDumpCommand } from "./commands/dump.ts";
import { addGroupCommand } from "./commands/group.ts";
import { addLatestCommands } from "./commands/latest.ts";
import { addMirrorCommand } from "./commands/mirror.ts";
import { addPingCommand } from "./commands/ping.ts";
import { addProduceCommand } from "./commands/produce.ts";
import { addSnapshotCommands } from "./commands/snapshot.ts";
import { addStartCommand } from "./commands/start.ts";
import { addStopCommand } from "./commands/stop.ts";
import { addTopicCommand } from "./commands/topic.ts";
import { addTortureCommand } from "./commands/torture.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { findBootstrap } from "./find-bootstrap.ts";

/** The whole command line. Commands load what they need when they run. */
export function makeProgram(version: string): Command {
  const program = new Command("xylem")
    .description("a durable, Kafka-compatible event log")
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    // A command and its subcommand may have an option of the same name.
    .enablePositionalOptions()
    .hook("preAction", (_program, command) => findBootstrap(command))
    .addHelpText("after", exitCodesHelp);
  addStartCommand(program);
  addStopCommand(program);
  addPingCommand(program);
  addProduceCommand(program);
  addConsumeCommand(program);
  addLatestCommands(program);
  addBenchCommand(program);
  addTopicCommand(program);
  addBucketCommand(program);
  addGroupCommand(program);
  addMirrorCommand(program);
  addClusterCommand(program);
  addSnapshotCommands(program);
  addDumpCommand(program);
  addVerifyCommand(program);
  addTortureCommand(program);
  addConfigCommand(program);
  addCompletionCommand(program);
  return program;
}
