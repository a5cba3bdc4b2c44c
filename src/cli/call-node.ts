import { Option } from "commander";
import { XylemError } from "../base/errors.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

/** Options of every command that is carried out by the node on a data directory. */
export interface NodeOptions {
  readonly data: string;
}

export function dataOption(): Option {
  return new Option("--data <directory>", "the node on this data directory").default("./data");
}

/**
 * Has the node on a data directory carry out a command of `src/node/control`. Throws CommandFailure
 * with the node's own words, or when none runs there.
 */
export async function callNode<Answer>(
  { data }: NodeOptions,
  command: string,
  argument: unknown,
  onProgress?: (state: unknown) => void,
): Promise<Answer> {
  const { callHolder } = await import("../storage/directory-lock.ts");
  try {
    const call = { command, argument, ...(onProgress && { onProgress }) };
    return (await callHolder(data, call)) as Answer;
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    const isAway = error.code === "BROKER_NOT_AVAILABLE" || error.code === "REQUEST_TIMED_OUT";
    const exitCode = isAway ? exitCodes.unreachable : exitCodes.failed;
    throw new CommandFailure(`${error.message} (${error.code})`, exitCode, error);
  }
}
