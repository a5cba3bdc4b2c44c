/** What `xylem` exits with. Printed by `xylem --help`; scripts may rely on it. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  inUse: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `
Exit codes:
  0  done
  1  the command failed
  2  the command line or a setting is wrong
  3  no broker answers
  4  the data directory is used by another process`;

/** A command that ends with one line on standard error instead of a stack. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
