import { XylemError } from "../../../base/errors.ts";
import type { Broker } from "../../../broker/broker.ts";
import type { World } from "../world.ts";
import type { SimulatedNode } from "./simulated-node.ts";

/** Undefined: nobody knows what became of it. */
export type NodeAnswer<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly value?: never; readonly error: XylemError }
  | undefined;

/**
 * What a door asks of the broker of one node. A node that is stopped takes it when it goes on, and
 * one that dies answers never: nobody waits past `timeoutMs`.
 */
export async function askNode<T>(
  world: World,
  { gate, process }: Pick<SimulatedNode, "gate" | "process">,
  timeoutMs: number,
  ask: (broker: Broker) => Promise<T>,
): Promise<NodeAnswer<T>> {
  const broker = process?.broker;
  if (broker === undefined || process?.isStopping !== false) return undefined;
  const asked = new Promise<NodeAnswer<T>>((resolve, reject) => {
    gate.enter(() => {
      const answering = ask(broker).then((value) => ({ value }), answerOf);
      answering.then(resolve, (error: Error) => {
        if (process.isStopping) resolve(undefined);
        else reject(error);
      });
    });
  });
  return await Promise.race([asked, world.sleep(timeoutMs).then(() => undefined)]);
}

/** Anything else is a defect. */
function answerOf(error: unknown): { readonly error: XylemError } {
  if (error instanceof XylemError) return { error };
  throw error;
}
