import { assert } from "../../../base/assert.ts";

/** Bound to the controller's lease. */
export const controllerKey = "controller";

/** The node that reconfigures chains. */
export interface ControllerEntry {
  readonly id: number;
  readonly incarnation: string;
}

export function formatController({ id, incarnation }: ControllerEntry): string {
  return JSON.stringify({ id, incarnation });
}

export function parseController(text: string): ControllerEntry {
  const { id, incarnation } = JSON.parse(text) as Partial<ControllerEntry>;
  const isWhole = typeof id === "number" && typeof incarnation === "string";
  assert(isWhole, `the coordinator's entry of the controller is not one of ours: ${text}`);
  return { id, incarnation };
}
