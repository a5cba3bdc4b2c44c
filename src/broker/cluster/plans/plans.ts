import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { ControllerImage } from "../../../replication/controller/controller-image.ts";
import {
  type ClusterPlan,
  planKey,
  type PlanState,
} from "../../../replication/placement/cluster-plan.ts";
import { draftPlan } from "../../../replication/placement/draft-plan.ts";
import type { PlacedPartition } from "../../../replication/placement/node-loads.ts";
import { PlanRun, type PlanStep, type Removal } from "../../../replication/placement/plan-run.ts";
import * as ring from "../../../replication/placement/ring-changes.ts";
import type { Seat } from "../../../replication/placement/seat.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import { Turns } from "../../turns.ts";
import type { Cluster } from "../cluster.ts";
import type { ImageNews } from "../cluster-image.ts";
import { formatSeat, seatKey, seatsPrefix } from "../membership/seat-entry.ts";
import type { UnreadableEntry } from "../unreadable-entries.ts";
import type { CommitAsk, DraftAsk, PlanStatus, SeatAsk, ShownPlan } from "./cluster-orders.ts";
import { PlanDrafts } from "./plan-drafts.ts";
import { PlanEntries, type SeatChange, seatsPerWriteMax } from "./plan-entries.ts";
import type { NodeFacts } from "./replica-facts.ts";

/** How far from its share a node may be before replicas move for it. */
const tolerance = 0.01;
/** Moves that are shown of a plan. */
const shownMovesMax = 10_000;
const noPlan: PlanStatus = {
  planId: "unreadable",
  state: "cancelled",
  movesAtOnce: 0,
  waiting: 0,
  running: 0,
  done: 0,
  skipped: 0,
  sizeBytes: 0,
  doneBytes: 0,
  awaitedNodes: [],
};
const noWork = { changes: [], prefers: [], needsCare: false };

export interface PlansParts {
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly image: ControllerImage;
  /** The controller's key: all that is written compares it. */
  readonly office: Compare;
  readonly log: Log;
  /** As of PlanFacts. */
  readonly isBehindLogs: (key: string) => boolean;
}

/** What the controller is to write for the plan. */
export interface PlanWork extends Omit<PlanStep, "isDone"> {
  /** Compared by each write: none takes effect after the plan was cancelled, or has ended. */
  readonly guard: Compare;
  /** `care` is to be called. */
  readonly needsCare: boolean;
}

/**
 * Plans and seats while a node is the controller: what people ask is drafted, committed and run.
 * Orders are carried out one after the other. What it knows is in the coordinator, but for drafts.
 */
export class Plans {
  readonly #parts: PlansParts;
  #entries: PlanEntries;
  readonly #drafts: PlanDrafts;
  readonly #turns = new Turns();
  /** By chain's key: the revision that a change was decided on. */
  readonly #decided = new Map<string, number>();
  #plan: ClusterPlan | undefined;
  /** Until the plan has ended. */
  #run: PlanRun | undefined;

  /** Goes on with the plan that another controller has left. */
  constructor(parts: PlansParts, [entries, plan]: [PlanEntries, ClusterPlan | undefined]) {
    this.#parts = parts;
    this.#entries = entries;
    this.#drafts = new PlanDrafts(String(parts.office.revision));
    this.#begin(plan);
    this.#noteUnreadable();
  }

  get status(): PlanStatus | null {
    if (this.#plan === undefined) return null;
    const { id: planId, state, movesAtOnceMax: movesAtOnce, outcome } = this.#plan;
    const ended = { waiting: 0, running: 0, done: 0, skipped: 0, doneBytes: 0, ...outcome };
    const sums = this.#run?.progress ?? {
      ...ended,
      sizeBytes: ended.doneBytes,
      awaitedNodes: [],
    };
    return { planId, state, movesAtOnce, ...sums };
  }

  /** What a partition is to be on by the plan that runs. */
  targetOf(key: string): readonly number[] | undefined {
    return this.#run?.targetOf(key);
  }

  takeImage({ chains }: ImageNews): void {
    for (const key of chains) {
      const decided = this.#decided.get(key);
      if (decided !== this.#parts.image.findChain(key)?.revision) this.#decided.delete(key);
      this.#run?.chainChanged(key);
    }
  }

  /** What is to be written now; each once, until `retry`. */
  step(): PlanWork {
    const { guard } = this.#entries;
    if (!this.#isCertain) return { ...noWork, guard, needsCare: true };
    if (this.#run === undefined)
      return { ...noWork, guard, needsCare: this.#emptySeats.length > 0 };
    const { changes, prefers, isDone } = this.#run.step();
    const fresh = changes.filter(({ key, revision }) => this.#decided.get(key) !== revision);
    for (const { key, revision } of fresh) this.#decided.set(key, revision);
    return { changes: fresh, prefers, guard, needsCare: isDone };
  }

  /** A change was refused, or nobody knows its outcome. */
  retry(key: string): void {
    this.#decided.delete(key);
  }

  /** What is not certain is read anew; a plan with nothing left to do ends. */
  async care(): Promise<void> {
    await this.#inTurn(async () => {
      const [plan, run] = [this.#plan, this.#run];
      if (run !== undefined && !run.isDone) return;
      await this.#clearSeats();
      if (plan !== undefined && run !== undefined) await this.#finish(plan, run);
    });
  }

  /** `facts` is what nodes have, as far as they answer. */
  draft({ replicasMin }: DraftAsk, facts: ReadonlyMap<number, NodeFacts>): ShownPlan {
    this.#checkIdle();
    const { cluster } = this.#parts;
    const seats = this.#seats;
    // What would be planned without them is not what anybody means.
    const unreadable = cluster.unreadable.list.find(({ key }) => key.startsWith(seatsPrefix));
    if (unreadable !== undefined) throw refusedFor(unreadable, "write it anew, or delete it");
    const leftOut = seats.filter(({ id, state }) => state === "joining" && !facts.has(id));
    const replaced = seats.find((seat) => leftOut.some(({ id }) => id === seat.replacement));
    if (replaced !== undefined) throw refused(`node ${replaced.replacement} is not reached`);
    const taking = seats.filter((seat) => !leftOut.includes(seat));
    const draft = draftPlan(this.#partitions(facts), taking, { tolerance, replicasMin });
    const { moves, shares, sizeBytes, shrunkCount, lostCount } = draft;
    const nodes = shares.map(({ id, now, after }) => ({ nodeId: id, now, after }));
    const shown = moves.slice(0, shownMovesMax);
    const planId = this.#drafts.keep(seats, draft);
    const sums = { leftOut: leftOut.map(({ id }) => id), sizeBytes, shrunkCount, lostCount };
    return { planId, nodes, moveCount: moves.length, moves: shown, ...sums };
  }

  /** Throws PLAN_CHANGED when the draft is not what would be done any more. */
  async commit({ planId, movesAtOnce, acceptsLoss }: CommitAsk): Promise<PlanStatus> {
    return await this.#inTurn(async () => {
      // Its answer was lost, and it is asked again.
      if (this.#plan?.id === planId) return this.status as PlanStatus;
      this.#checkIdle();
      const { cluster, log } = this.#parts;
      const draft = this.#drafts.findFresh(planId, cluster.image);
      if (draft === undefined) throw stale(planId);
      if (draft.lostCount > 0 && !acceptsLoss) throw wouldLose(draft.lostCount);
      const before = new Map(this.#seats.map((seat) => [seat.id, formatSeat(seat)]));
      const seats = draft.seats
        .filter((seat) => before.get(seat.id) !== formatSeat(seat))
        .map((seat) => this.#changeOf(seat.id, seat));
      if (seats.length > seatsPerWriteMax) throw tooManySeats(seats.length);
      const { moves } = draft;
      const plan = { id: planId, state: "running", movesAtOnceMax: movesAtOnce, moves } as const;
      const revision = await this.#entries.commit(plan, seats);
      log.info("a plan was committed", { plan: planId, moves: moves.length });
      await cluster.feed.whenReached(revision);
      this.#begin(plan);
      return this.status as PlanStatus;
    });
  }

  /** Cancels also a plan that can not be read: it goes. Throws NO_REASSIGNMENT_IN_PROGRESS. */
  async steer(state: PlanState): Promise<PlanStatus> {
    return await this.#inTurn(async () => {
      if (this.#entries.unreadable !== undefined && state === "cancelled") {
        await this.#parts.cluster.feed.whenReached(await this.#entries.clear());
        return noPlan;
      }
      const plan = this.#plan;
      if (plan === undefined || this.#run === undefined) {
        throw new XylemError("NO_REASSIGNMENT_IN_PROGRESS", "No plan is running");
      }
      if (plan.state === "cancelled") {
        throw new XylemError("INVALID_REQUEST", `Plan ${plan.id} is cancelled already`);
      }
      // What is on its way is seen below, or fails: it compares the entry that changes now.
      const run = this.#run;
      run.setState("paused");
      await this.#parts.cluster.feed.whenReached(await this.#entries.setState(state));
      this.#plan = { ...plan, state };
      run.setState(state);
      return this.status as PlanStatus;
    });
  }

  /** Throws INVALID_REQUEST. */
  async changeSeat(nodeId: number, ask: SeatAsk): Promise<void> {
    await this.#inTurn(async () => {
      const seat = this.#changedSeat(nodeId, ask);
      const revision = await this.#entries.changeSeat(this.#changeOf(nodeId, seat));
      await this.#parts.cluster.feed.whenReached(revision);
    });
  }

  async close(): Promise<void> {
    await this.#turns.settled();
  }

  #changedSeat(id: number, { seat, replacement, isGone, weight }: SeatAsk): Seat {
    const { cluster, image } = this.#parts;
    let seats = this.#seats;
    const node = cluster.image.node(id);
    if (seat === "joining") {
      if (node === undefined) throw refused(`node ${id} is not up`);
      const holdsChains = image.chainsOf(id).size > 0;
      seats = replaced(seats, ring.joinRing(seats, { id, rack: node.rack ?? "", holdsChains }));
    } else if (seat === "leaving") {
      if (isGone === true && node !== undefined) {
        throw refused(`node ${id} is up: it can leave without a loss`);
      }
      const leave = isGone === true ? ring.loseFromRing : ring.leaveRing;
      seats = replaced(seats, leave(seats, id, replacement));
    } else if (replacement !== undefined || isGone !== undefined) {
      throw refused("a replacement and isGone belong to a node that leaves");
    }
    if (weight !== undefined) seats = replaced(seats, ring.weighInRing(seats, id, weight));
    const changed = seats.find((one) => one.id === id);
    if (changed === undefined) throw refused(`node ${id} is not in the cluster`);
    return changed;
  }

  async #finish(plan: ClusterPlan, run: PlanRun): Promise<void> {
    const { done, waiting, skipped, doneBytes } = run.progress;
    const outcome = { done, skipped: skipped + waiting, doneBytes };
    const revision = await this.#entries.finish(plan, outcome);
    const state = plan.state === "cancelled" ? plan.state : "done";
    this.#begin({ ...plan, state, moves: [], outcome });
    this.#parts.log.info("the plan has ended", { plan: plan.id, state, ...outcome });
    await this.#parts.cluster.feed.whenReached(revision);
  }

  /** Nodes that have given everything away by a plan have no part any more. */
  async #clearSeats(): Promise<void> {
    for (const { id } of this.#emptySeats) {
      const revision = await this.#entries.changeSeat(this.#changeOf(id, undefined));
      this.#parts.log.info("a node has left", { nodeId: id });
      await this.#parts.cluster.feed.whenReached(revision);
    }
  }

  get #emptySeats(): readonly Seat[] {
    return ring.emptySeats(this.#seats, (id) => this.#parts.image.chainsOf(id).size);
  }

  #begin(plan: ClusterPlan | undefined): void {
    this.#plan = plan;
    const hasEnded = plan === undefined || plan.outcome !== undefined;
    const { cluster, image, isBehindLogs } = this.#parts;
    const removalOf = (id: number): Removal | undefined => {
      const seat = cluster.image.seat(id);
      if (seat?.isGone !== true) return undefined;
      // A plan that is committed releases all that leave.
      return seat.isReleased === true ? "before" : "since";
    };
    this.#run = hasEnded ? undefined : new PlanRun(plan, image, { removalOf, isBehindLogs });
  }

  get #seats(): readonly Seat[] {
    return this.#parts.cluster.image.seats;
  }

  #changeOf(id: number, seat: Seat | undefined): SeatChange {
    return { id, seat, revision: this.#parts.cluster.feed.revisionOf(seatKey(id)) };
  }

  #partitions(facts: ReadonlyMap<number, NodeFacts>): PlacedPartition[] {
    const { cluster, image } = this.#parts;
    return [...cluster.image.chains].map(([key, { config }]) => {
      const { members, replicas, target } = config;
      const sizes = members.map(({ id }) => facts.get(id)?.get(key)?.sizeBytes ?? 0);
      return {
        key,
        replicas: target ?? replicas,
        sizeBytes: Math.max(0, ...sizes),
        isEverywhere: image.findTopic(key)?.isEverywhere === true,
        isMoving: target !== undefined,
      };
    });
  }

  /** Nobody but the controller writes it: what is not of its writing is read anew. */
  get #isCertain(): boolean {
    const { isCertain, guard } = this.#entries;
    const { feed } = this.#parts.cluster;
    const seen = feed.revisionOf(planKey);
    const isGone = seen === 0 && guard.revision > 0 && feed.revision >= guard.revision;
    return isCertain && seen <= guard.revision && !isGone;
  }

  #noteUnreadable(): void {
    const { unreadable } = this.#entries;
    if (unreadable !== undefined) this.#parts.cluster.unreadable.note(unreadable);
  }

  #checkIdle(): void {
    const { unreadable } = this.#entries;
    if (unreadable !== undefined) throw refusedFor(unreadable, "cancel it, and it is removed");
    if (this.#run === undefined) return;
    const detail = `Plan ${this.#plan?.id} is running; cancel it or wait for its end`;
    throw new XylemError("REASSIGNMENT_IN_PROGRESS", detail);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take("plan", async () => {
      if (!this.#isCertain) {
        const { coordinator, office } = this.#parts;
        const [entries, plan] = await PlanEntries.open(coordinator, office);
        this.#entries = entries;
        this.#begin(plan);
        this.#noteUnreadable();
      }
      return await work();
    });
  }
}

function replaced(seats: readonly Seat[], seat: Seat): readonly Seat[] {
  return [...seats.filter(({ id }) => id !== seat.id), seat];
}

function refused(detail: string): XylemError {
  return new XylemError("INVALID_REQUEST", detail);
}

function refusedFor({ key, why }: UnreadableEntry, how: string): XylemError {
  return refused(`the coordinator's entry ${key} can not be read (${why}): ${how}`);
}

function stale(planId: string): XylemError {
  const detail = `Plan ${planId} is not what would be done now; look at a new one`;
  return new XylemError("PLAN_CHANGED", detail);
}

function wouldLose(count: number): XylemError {
  const detail = `No node that comes back has a copy of ${count} partitions: they would be empty`;
  return new XylemError("INVALID_REQUEST", detail);
}

function tooManySeats(count: number): XylemError {
  return refused(
    `${count} nodes wait to join; a plan takes ${seatsPerWriteMax}: give others later`,
  );
}
