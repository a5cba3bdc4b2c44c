import type { Coordinator, CoordinatorEntry } from "../../ports/coordinator.ts";
import { formatSeat, parseSeat, seatKey, seatsPrefix } from "./seat-entry.ts";

/** Another node may change the same seat; each round one of them wins. */
const roundsMax = 10;

export interface SeatAsk {
  readonly nodeId: number;
  readonly rack: string;
  /** `cluster.expect`: as many nodes hold replicas from the start. */
  readonly expected: number;
}

/**
 * Gives a node its place in the cluster, which it keeps while it is down. The first nodes hold
 * replicas at once; one that comes later joins, and waits for a plan to give it some.
 */
export async function takeSeat(coordinator: Coordinator, ask: SeatAsk): Promise<void> {
  const { nodeId, rack } = ask;
  const key = seatKey(nodeId);
  for (let round = 0; round < roundsMax; round += 1) {
    const { entries } = await coordinator.read(seatsPrefix);
    const own = entries.find((entry) => entry.key === key);
    const known = own && parseSeat(own.key, own.value);
    if (known?.rack === rack) return;
    const holding = entries.filter(isHolding).length;
    const fresh = { weight: 1, state: holding < ask.expected ? "valid" : "joining" } as const;
    const value = formatSeat({ ...(known ?? fresh), id: nodeId, rack });
    const compares = [{ key, revision: own?.revision ?? 0 }];
    if ((await coordinator.transact(compares, [{ key, value }])) !== undefined) return;
  }
}

/** Another node's that can not be read is not counted. */
function isHolding({ key, value }: CoordinatorEntry): boolean {
  try {
    return parseSeat(key, value).state === "valid";
  } catch {
    return false;
  }
}
