import type { ControllerCalls } from "../controller/controller-calls.ts";
import type { ChainsByHand } from "./chains-by-hand.ts";

/** What a node of a cluster can do about chains that are not only its own. */
export interface ChainControl {
  readonly byHand: ChainsByHand;
  readonly calls: Pick<ControllerCalls, "prefer" | "askLogEnds">;
}
