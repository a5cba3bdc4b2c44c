import { CommanderError } from "commander";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { packageVersion } from "../node/package-version.ts";
import { makeProgram } from "./program.ts";

/** Runs one command line; answers the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    await makeProgram(packageVersion()).parseAsync([...argv]);
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    // commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    if (error instanceof CommandFailure) {
      process.stderr.write(`xylem: ${error.message}\n`);
      return error.exitCode;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`xylem: ${text}\n`);
    return exitCodes.failed;
  }
}

/** Runs this process's command line and ends it once all output is out. */
export async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", passOverBrokenPipe);
  const code = await run(process.argv);
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.writable) continue;
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
  process.exit(code);
}

/** `xylem … | head`: a reader that has gone wants no more, and that is no failure of ours. */
function passOverBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
