import { XylemError } from "../../../base/errors.ts";
import type { Compare, Coordinator, CoordinatorEntry, Write } from "../../ports/coordinator.ts";
import { readEntry } from "../../ports/read-entry.ts";
import { formatFounders, foundersKey, nodesThatCame, parseFounders } from "./founders.ts";
import { formatSeat, parseSeat, seatKey, seatsPrefix } from "./seat-entry.ts";

/** Others may change the same seat; each round one of them wins. So does each other founder. */
const roundsMax = 10;

export interface SeatAsk {
  readonly nodeId: number;
  readonly rack: string;
  /** `cluster.expect`: as many nodes hold replicas from the start. */
  readonly expected: number;
}

/**
 * Gives a node its place in the cluster, which it keeps while it is down. The first nodes hold
 * replicas at once, never more than `expected` of them, however many start at a time; one that
 * comes later joins, and waits for a plan to give it some. Throws COORDINATOR_NOT_AVAILABLE.
 */
export async function takeSeat(coordinator: Coordinator, ask: SeatAsk): Promise<void> {
  for (let round = 0; round < roundsMax + ask.expected; round += 1) {
    // Before the seats: who becomes a founder after this has changed it when it is compared.
    const founded = await readEntry(coordinator, foundersKey);
    const { entries } = await coordinator.read(seatsPrefix);
    const change = seatChange(ask, founded, entries);
    if (change === undefined) return;
    if ((await coordinator.transact(change.compares, change.writes)) !== undefined) return;
  }
  throw new XylemError("COORDINATOR_NOT_AVAILABLE", "No place in the cluster could be taken");
}

/** Undefined: the node has its place. */
function seatChange(
  { nodeId, rack, expected }: SeatAsk,
  founded: CoordinatorEntry | undefined,
  seated: readonly CoordinatorEntry[],
): { readonly compares: readonly Compare[]; readonly writes: readonly Write[] } | undefined {
  const key = seatKey(nodeId);
  const own = seated.find((entry) => entry.key === key);
  const compare = { key, revision: own?.revision ?? 0 };
  if (own !== undefined) {
    const known = parseSeat(key, own.value);
    if (known.rack === rack) return undefined;
    return { compares: [compare], writes: [{ key, value: formatSeat({ ...known, rack }) }] };
  }
  const founders =
    founded === undefined ? [] : (readable(() => parseFounders(founded.value)) ?? []);
  const seats = seated.flatMap((other) => readable(() => parseSeat(other.key, other.value)) ?? []);
  const seat = { id: nodeId, rack, weight: 1 };
  if (nodesThatCame(founders, seats).size >= expected) {
    const value = formatSeat({ ...seat, state: "joining" });
    return { compares: [compare], writes: [{ key, value }] };
  }
  return {
    compares: [compare, { key: foundersKey, revision: founded?.revision ?? 0 }],
    writes: [
      { key, value: formatSeat({ ...seat, state: "valid" }) },
      { key: foundersKey, value: formatFounders([...founders, nodeId]) },
    ],
  };
}

/** What a hand has broken is not counted. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
