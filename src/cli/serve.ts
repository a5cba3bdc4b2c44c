import type { MergedSettings } from "../base/settings/merge-settings.ts";
import { openLog } from "../node/node-log.ts";
import { lockStep } from "../node/open-broker.ts";
import { startNode, type RunningNode } from "../node/start-node.ts";
import { StartError } from "../node/start-steps.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

/** What a second request to stop exits with: the shell's code for an interrupt. */
const interruptedExitCode = 130;

/**
 * Runs a node until a signal or `xylem stop` ends it. The second signal forces the end. Throws
 * CommandFailure when the node does not start.
 */
export async function serve(
  read: MergedSettings,
  onReady: (node: RunningNode) => void,
): Promise<void> {
  const { settings } = read;
  const log = await openLog({
    level: settings["log.level"],
    format: settings["log.format"],
    write: (line) => void process.stderr.write(line),
  });
  // A reader of our output that went away must not take the node with it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  process.on("uncaughtException", (error) => {
    log.error("uncaught exception: the node ends", { reason: error.stack ?? error.message });
    process.exit(exitCodes.failed);
  });
  const stopRequested = Promise.withResolvers<string>();
  listenForSignals(stopRequested.resolve);
  const node = await startNode({
    ...read,
    log,
    onStopRequested: () => stopRequested.resolve("xylem stop"),
  }).catch((error: unknown) => {
    throw explainStart(error);
  });
  await node.warmUp();
  onReady(node);
  const reason = await stopRequested.promise;
  log.info("stopping", { reason });
  await node.stop();
  log.info("stopped");
}

function listenForSignals(request: (reason: string) => void): void {
  let isAsked = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (isAsked) process.exit(interruptedExitCode);
      isAsked = true;
      request(signal);
    });
  }
}

function explainStart(error: unknown): unknown {
  if (!(error instanceof StartError)) return error;
  const isHeld = error.step === lockStep;
  return new CommandFailure(error.message, isHeld ? exitCodes.inUse : exitCodes.failed, error);
}
