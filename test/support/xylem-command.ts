import { Child, type ChildOptions, type Outcome, run } from "./child-process.ts";
import { repositoryRoot } from "./repository.ts";

/** The program as it is installed. */
export const xylemProgram = `${repositoryRoot}/bin/xylem.cjs`;

/** Runs `xylem` with these arguments to its end. */
export function xylem(args: readonly string[], options: ChildOptions = {}): Promise<Outcome> {
  return run(process.execPath, [xylemProgram, ...args], options);
}

/** A node in a process of its own that has said it is ready. */
export interface StartedNode {
  readonly child: Child;
  readonly readyLine: string;
  readonly bootstrap: string;
}

const readyWithinMs = 60_000;

/** Starts `xylem` with these arguments and waits for its ready line. */
export async function startNode(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<StartedNode> {
  const child = new Child(process.execPath, [xylemProgram, ...args], options);
  const [readyLine, bootstrap] = await child.waitForOutput(
    /^xylem ready kafka=(\S+) .*$/m,
    readyWithinMs,
  );
  return { child, readyLine, bootstrap: bootstrap ?? "" };
}
