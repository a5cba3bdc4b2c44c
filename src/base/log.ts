export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Where the broker tells what happened to it. Fields never hold secrets or record contents. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const nothing = (): void => {};

/** The log of an embedded broker that was given none. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
