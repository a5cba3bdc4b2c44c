import type { Broker } from "../../broker/broker.ts";
import { type Input, type InputShape, readInput } from "./input.ts";

/** What a command of another process on this machine works with. */
export interface CommandScope {
  readonly broker: Broker;
  /** Aborts when the caller went away or the node stops. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is, in JSON. */
  readonly progress: (state: unknown) => void;
}

/** Reads its argument, has a use case do it, and answers JSON. */
export type Command = (argument: unknown, scope: CommandScope) => Promise<unknown>;

export function command<Shape extends InputShape>(
  shape: Shape,
  run: (input: Input<Shape>, scope: CommandScope) => Promise<unknown>,
): Command {
  return async (argument, scope) => await run(readInput(shape, argument), scope);
}
