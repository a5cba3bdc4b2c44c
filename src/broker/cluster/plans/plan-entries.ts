import { XylemError } from "../../../base/errors.ts";
import {
  type ClusterPlan,
  formatPlan,
  formatPlanState,
  parsePlan,
  planKey,
  type PlanOutcome,
  type PlanState,
} from "../../../replication/placement/cluster-plan.ts";
import type { Seat } from "../../../replication/placement/seat.ts";
import type { Compare, Coordinator, CoordinatorEntry, Write } from "../../ports/coordinator.ts";
import { transactionBytesMax, transactionKeysMax } from "../../ports/transaction-bounds.ts";
import { formatSeat, seatKey } from "../membership/seat-entry.ts";
import type { UnreadableEntry } from "../unreadable-entries.ts";

/** A seat, and the revision of its key that the change was decided on. */
export interface SeatChange {
  readonly id: number;
  readonly revision: number;
  /** Undefined: the node has none any more. */
  readonly seat: Seat | undefined;
}

/** Besides there are the plan's key and the controller's. */
export const seatsPerWriteMax = transactionKeysMax - 2;

/** Moves that one transaction writes. */
const writingMax = transactionKeysMax - 1;
/** Of those that it deletes each is compared, which counts twice. */
const deletingMax = Math.floor(writingMax / 2);

/**
 * The plan and the seats as the coordinator has them. Written by the controller only: each write
 * compares its office. Throws NOT_CONTROLLER when that, or what was known, is not so any more.
 */
export class PlanEntries {
  readonly #coordinator: Coordinator;
  readonly #office: Compare;
  #head = "";
  /** That of `plan`. */
  #revision = 0;
  #unreadable: UnreadableEntry | undefined;
  #isCertain = true;

  private constructor(coordinator: Coordinator, office: Compare) {
    this.#coordinator = coordinator;
    this.#office = office;
  }

  /**
   * Answers the plan that is there too; what is left of others is removed. One that can not be read
   * is `unreadable`, and stays until it is cleared.
   */
  static async open(
    coordinator: Coordinator,
    office: Compare,
  ): Promise<[PlanEntries, ClusterPlan | undefined]> {
    const opened = new PlanEntries(coordinator, office);
    const { entries } = await coordinator.read(planKey);
    const values = new Map(entries.map(({ key, value }) => [key, value]));
    const head = entries.find(({ key }) => key === planKey);
    opened.#head = head?.value ?? "";
    opened.#revision = head?.revision ?? 0;
    const plan = opened.#parse(head?.value, (key) => values.get(key));
    if (opened.#unreadable !== undefined) return [opened, undefined];
    const isLeft = ({ key }: CoordinatorEntry): boolean => {
      const isMove = key.startsWith(`${planKey}/`);
      const isOfPlan = plan !== undefined && plan.moves.length > 0;
      return isMove && !(isOfPlan && key.startsWith(`${planKey}/${plan.id}/`));
    };
    await opened.#remove(entries.filter(isLeft));
    return [opened, plan];
  }

  #parse(head: string | undefined, valueOf: Parameters<typeof parsePlan>[1]) {
    try {
      return head === undefined ? undefined : parsePlan(head, valueOf);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#unreadable = { key: planKey, why };
      return undefined;
    }
  }

  /** Whether this is what the coordinator has: not after a write that has failed. */
  get isCertain(): boolean {
    return this.#isCertain;
  }

  get unreadable(): UnreadableEntry | undefined {
    return this.#unreadable;
  }

  /** Removes a plan that can not be read, with all that is below it. */
  async clear(): Promise<number> {
    const revision = await this.#write([this.guard], [{ key: planKey, value: null }]);
    this.#head = "";
    this.#revision = 0;
    this.#unreadable = undefined;
    await this.#removeMoves();
    return revision;
  }

  /** The plan's entry as it was written last. */
  get guard(): Compare {
    return { key: planKey, revision: this.#revision };
  }

  /** The plan is there, with its seats, or nothing has changed. Answers the revision. */
  async commit(plan: ClusterPlan, seats: readonly SeatChange[]): Promise<number> {
    const { head, moves } = formatPlan(plan);
    for (const part of inParts(moves)) await this.#write([], part);
    return await this.#writeHead(head, seats);
  }

  async setState(state: PlanState): Promise<number> {
    return await this.#writeHead(formatPlanState(this.#head, state), []);
  }

  /** Its moves go, and those of others that nobody knew the outcome of. */
  async finish(plan: ClusterPlan, outcome: PlanOutcome): Promise<number> {
    const state = plan.state === "cancelled" ? plan.state : "done";
    const { head } = formatPlan({ ...plan, state, moves: [], outcome });
    const revision = await this.#writeHead(head, []);
    await this.#removeMoves();
    return revision;
  }

  async changeSeat(change: SeatChange): Promise<number> {
    return await this.#write(compared([change]), written([change]));
  }

  async #writeHead(head: string, seats: readonly SeatChange[]): Promise<number> {
    const compares = [this.guard, ...compared(seats)];
    const writes = [{ key: planKey, value: head }, ...written(seats)];
    const revision = await this.#write(compares, writes);
    this.#head = head;
    this.#revision = revision;
    return revision;
  }

  async #write(compares: readonly Compare[], writes: readonly Write[]): Promise<number> {
    this.#isCertain = false;
    const revision = await this.#coordinator.transact([this.#office, ...compares], writes);
    if (revision === undefined) {
      throw new XylemError("NOT_CONTROLLER", "The cluster has changed meanwhile; ask again");
    }
    this.#isCertain = true;
    return revision;
  }

  async #removeMoves(): Promise<void> {
    const { entries } = await this.#coordinator.read(`${planKey}/`);
    await this.#remove(entries);
  }

  /** As they were read: a delete that comes late does not meet what was written anew since. */
  async #remove(entries: readonly CoordinatorEntry[]): Promise<void> {
    for (let at = 0; at < entries.length; at += deletingMax) {
      const some = entries.slice(at, at + deletingMax);
      await this.#write(
        some.map(({ key, revision }) => ({ key, revision })),
        some.map(({ key }) => ({ key, value: null })),
      );
    }
  }
}

function compared(changes: readonly SeatChange[]): Compare[] {
  return changes.map(({ id, revision }) => ({ key: seatKey(id), revision }));
}

function written(changes: readonly SeatChange[]): Write[] {
  return changes.map(({ id, seat }) => {
    return { key: seatKey(id), value: seat === undefined ? null : formatSeat(seat) };
  });
}

/** As many in each as a transaction takes, with room to spare. */
function inParts(entries: readonly { key: string; value: string }[]): Write[][] {
  const parts: Write[][] = [];
  let sizeBytes = Infinity;
  for (const entry of entries) {
    sizeBytes += entry.value.length;
    if (sizeBytes > transactionBytesMax / 2 || (parts.at(-1)?.length ?? 0) >= writingMax) {
      parts.push([]);
      sizeBytes = entry.value.length;
    }
    parts.at(-1)?.push(entry);
  }
  return parts;
}
