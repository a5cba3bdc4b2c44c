import { Option } from "commander";
import { parseDuration } from "../base/duration.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { defaultBootstrap } from "./kafka-clients.ts";

/** Where the broker is; every command that talks to one has it. */
export function bootstrapOption(): Option {
  const help = "the broker, or srv://name in DNS";
  return new Option("-b, --bootstrap <host:port>", help).default(defaultBootstrap);
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON");
}

/** `name=value`; the value may hold further equal signs and may be empty. */
export function parseAssignment(text: string): { name: string; value: string } {
  const at = text.indexOf("=");
  if (at < 1) throw new CommandFailure(`"${text}" is not name=value`, exitCodes.usage);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new CommandFailure(`"${text}" is no count above 0`, exitCodes.usage);
}

export function parseIndex(text: string): number {
  const index = text === "" ? Number.NaN : Number(text);
  if (Number.isSafeInteger(index) && index >= 0) return index;
  throw new CommandFailure(`"${text}" is no number from 0 on`, exitCodes.usage);
}

/** `30s`, `5m` or milliseconds. */
export function parseTime(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandFailure(error.message, exitCodes.usage, error);
  }
}
