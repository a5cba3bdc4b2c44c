import type { Log, LogFields } from "../base/log.ts";
import { silentLog } from "../base/log.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface NodeLogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Where lines go: standard error, so that standard output stays the commands' own. */
  readonly write: (line: string) => void;
}

const ranks: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

/** The node's own log: text for people, JSON lines (pino's) for machines. */
export async function openLog(options: NodeLogOptions): Promise<Log> {
  if (options.level === "silent") return silentLog;
  return options.format === "json" ? openJsonLog(options) : openTextLog(options);
}

function openTextLog(options: NodeLogOptions): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (ranks[level] < ranks[options.level]) return;
      options.write(formatTextLine(new Date(), level, { message, fields }));
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** One line of the text log; line breaks in values are escaped, so that a line stays a line. */
export function formatTextLine(
  time: Date,
  level: LogLevel,
  entry: { readonly message: string; readonly fields?: LogFields | undefined },
): string {
  const fields = Object.entries(entry.fields ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${formatValue(value ?? null)}`);
  const head = `${time.toISOString()} ${level.toUpperCase().padEnd(5)} ${oneLine(entry.message)}`;
  return `${head}${fields.join("")}\n`;
}

function formatValue(value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? JSON.stringify(text).slice(1, -1) : text;
}

async function openJsonLog(options: NodeLogOptions): Promise<Log> {
  const { pino } = await import("pino");
  const logger = pino({ level: options.level, base: null }, { write: options.write });
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
