import type { ChainConfig } from "../chain-config.ts";
import { nextEpoch, type ChainChange } from "../controller/chain-change.ts";
import type { ControlledChain } from "../controller/chain-situation.ts";
import { asMember, isUp, type NodeLookup, type TopicRules } from "../controller/controlled-node.ts";
import { awayEpochsMax } from "../controller/restored-rules.ts";
import { comparedNodes } from "../controller/return-rules.ts";
import type { ClusterPlan, PlanState } from "./cluster-plan.ts";
import type { Move } from "./plan-replicas.ts";
import { isSameList, withoutTarget } from "./reassignment.ts";

/** What a plan's run needs to see. */
export interface PlanImage extends NodeLookup {
  findChain(key: string): ControlledChain | undefined;
  findTopic(key: string): TopicRules | undefined;
}

export interface PlanStep {
  /** Assignments to write, by compare-and-set: moves that begin, or go back. */
  readonly changes: readonly ChainChange[];
  /** Chains whose preferred head is to be the head now. */
  readonly prefers: readonly string[];
  /** Nothing is left to do. */
  readonly isDone: boolean;
}

export interface PlanProgress {
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  /** Their partition is gone, or was reassigned by somebody else. */
  readonly skipped: number;
  readonly sizeBytes: number;
  readonly doneBytes: number;
  /** Nodes that are down, without which a move does not go on. */
  readonly awaitedNodes: readonly number[];
}

/**
 * When a node was removed for good, as seen from the plan: before it was committed, so that what is
 * lost with it was accepted, or since.
 */
export type Removal = "before" | "since";

/** What a plan's run is to know beside the image. */
export interface PlanFacts {
  /** Undefined: it was not. */
  removalOf(id: number): Removal | undefined;
  /** A log of a later epoch than the chain's is known: the chain goes on from there first. */
  isBehindLogs(key: string): boolean;
}

type MoveState = "waiting" | "running" | "done" | "skipped";

/**
 * Carries out a committed plan, some moves at a time. What has happened is read off the chains, so
 * that it goes on under any controller where it was left. A move that needs a node that is down
 * waits without holding up others; is it removed for good meanwhile, the move is given up. A
 * partition begins anew, empty, where only nodes have it that were removed before.
 */
export class PlanRun {
  readonly #plan: ClusterPlan;
  readonly #image: PlanImage;
  readonly #places = new Map<string, number>();
  readonly #states: MoveState[];
  /** Places of moves in each state. */
  readonly #waiting = new Set<number>();
  readonly #running = new Set<number>();
  readonly #prefers: string[] = [];
  #state: PlanState;
  #doneBytes = 0;
  readonly #facts: PlanFacts;

  constructor(plan: ClusterPlan, image: PlanImage, facts: PlanFacts) {
    this.#plan = plan;
    this.#image = image;
    this.#facts = facts;
    this.#state = plan.state;
    this.#states = plan.moves.map(() => "skipped");
    plan.moves.forEach(({ key }, place) => {
      this.#places.set(key, place);
      this.#look(place);
    });
    this.#prefers.length = 0;
  }

  get progress(): PlanProgress {
    const { moves } = this.#plan;
    const done = this.#states.filter((state) => state === "done").length;
    const [waiting, running] = [this.#waiting.size, this.#running.size];
    return {
      waiting,
      running,
      done,
      skipped: moves.length - done - waiting - running,
      sizeBytes: moves.reduce((sum, move) => sum + move.sizeBytes, 0),
      doneBytes: this.#doneBytes,
      awaitedNodes: [...this.#awaitedNodes()].sort((a, b) => a - b),
    };
  }

  /** What a partition is to be on that waits or moves; undefined: the plan does not move it now. */
  targetOf(key: string): readonly number[] | undefined {
    const place = this.#places.get(key);
    if (place === undefined || this.#state === "cancelled") return undefined;
    const isLeft = this.#waiting.has(place) || this.#running.has(place);
    return isLeft ? this.#moveAt(place).to : undefined;
  }

  setState(state: PlanState): void {
    this.#state = state;
  }

  /** The image has another entry of the chain, or none any more. */
  chainChanged(key: string): void {
    const place = this.#places.get(key);
    if (place !== undefined) this.#look(place);
  }

  /** What to do now. Until the image shows it, it is answered again. */
  step(): PlanStep {
    const all = this.#state === "cancelled" ? this.#goBack() : this.#begin();
    const changes = all.filter(({ key }) => !this.#facts.isBehindLogs(key));
    return { changes, prefers: this.#prefers.splice(0), isDone: this.isDone };
  }

  /** Nothing is left to do. */
  get isDone(): boolean {
    if (this.#running.size > 0) return false;
    return this.#state === "cancelled" || [...this.#waiting].every((at) => this.#isVain(at));
  }

  #begin(): ChainChange[] {
    if (this.#state !== "running") return [];
    let free = this.#plan.movesAtOnceMax;
    const changes: ChainChange[] = [];
    for (const place of this.#running) {
      if (this.#isVain(place)) {
        changes.push(this.#takeBack(place, "a node that it waits for was removed"));
        continue;
      }
      if (this.#awaited(place).length === 0) free -= 1;
      const anew = this.#beginAnew(place);
      if (anew !== undefined) changes.push(anew);
    }
    for (const place of this.#waiting) {
      if (free <= 0) break;
      if (this.#awaited(place).length > 0) continue;
      const { key, to } = this.#moveAt(place);
      const chain = this.#image.findChain(key) as ControlledChain;
      const config = { ...chain.config, target: to };
      changes.push(changeOf(chain, config, `the plan moves it to ${to.join(", ")}`));
      free -= 1;
    }
    return changes;
  }

  #goBack(): ChainChange[] {
    return [...this.#running].map((place) => this.#takeBack(place, "the plan is cancelled"));
  }

  #takeBack(place: number, reason: string): ChainChange {
    const chain = this.#image.findChain(this.#moveAt(place).key) as ControlledChain;
    return changeOf(chain, withoutTarget(chain.config), reason);
  }

  #look(place: number): void {
    const move = this.#moveAt(place);
    const before = this.#states[place] as MoveState;
    const chain = this.#image.findChain(move.key);
    const state = stateOf(move, chain);
    this.#states[place] = state;
    if (before === "done") this.#doneBytes -= move.sizeBytes;
    if (state === "done") this.#doneBytes += move.sizeBytes;
    keepIn(this.#waiting, place, state === "waiting");
    keepIn(this.#running, place, state === "running");
    const isNew = state === "done" && before !== "done";
    if (isNew && chain?.config.members[0]?.id !== move.to[0]) this.#prefers.push(move.key);
  }

  /** Nodes that are down and needed: who is to have the partition, or all that have its records. */
  #awaited(place: number): number[] {
    const { key, to } = this.#moveAt(place);
    const down = to.filter((id) => this.#image.findNode(id) === undefined);
    const config = this.#image.findChain(key)?.config;
    const members = config?.members ?? [];
    const isLost = config !== undefined && this.#areAllLost(config);
    if (isLost || members.some((member) => isUp(member, this.#image))) return down;
    return [...down, ...members.map(({ id }) => id)];
  }

  #awaitedNodes(): Set<number> {
    const places = [...this.#running, ...(this.#state === "cancelled" ? [] : this.#waiting)];
    return new Set(places.flatMap((at) => (this.#isVain(at) ? [] : this.#awaited(at))));
  }

  /** It waits for a node that never comes, and what that costs is for another plan to say. */
  #isVain(place: number): boolean {
    return this.#awaited(place).some((id) => {
      const isDown = this.#image.findNode(id) === undefined;
      return isDown && this.#facts.removalOf(id) === "since";
    });
  }

  /**
   * As an unclean start by hand: whoever removed the last node with the records accepted it. In an
   * epoch that no log of those nodes has, as the coordinator may have been restored since.
   */
  #beginAnew(place: number): ChainChange | undefined {
    const { key, to } = this.#moveAt(place);
    const chain = this.#image.findChain(key) as ControlledChain;
    const topic = this.#image.findTopic(key);
    const head = this.#image.findNode(to[0] as number);
    const { members } = chain.config;
    if (!this.#areAllLost(chain.config)) return undefined;
    if (topic === undefined || head === undefined) return undefined;
    const alone = { members: [asMember(head, topic)], joining: [], leaving: [] };
    const epoch = chain.config.epoch + awayEpochsMax;
    const config = nextEpoch({ ...chain.config, epoch }, { ...alone, unclean: epoch + 1 });
    const compared = [...members.map(({ id }) => id), head.id];
    const reason = `begins anew on node ${head.id}: all that had it are lost`;
    return { ...changeOf(chain, config, reason), nodes: comparedNodes(compared, this.#image) };
  }

  /**
   * Nobody has anything of it: not a member, and not a replica either that is out of the chain and
   * has all but the newest.
   */
  #areAllLost({ members, replicas }: ChainConfig): boolean {
    const holders = [...members.map(({ id }) => id), ...replicas];
    return holders.every((id) => this.#isLost(id));
  }

  /** Not if it came back after all: then it may have what it had. */
  #isLost(id: number): boolean {
    return this.#facts.removalOf(id) === "before" && this.#image.findNode(id) === undefined;
  }

  #moveAt(place: number): Move {
    return this.#plan.moves[place] as Move;
  }
}

/** By what the chain is assigned to. */
function stateOf({ from, to }: Move, chain: ControlledChain | undefined): MoveState {
  if (chain === undefined) return "skipped";
  const { replicas, target } = chain.config;
  if (target !== undefined) return isSameList(target, to) ? "running" : "skipped";
  if (isSameList(replicas, to)) return "done";
  return isSameList(replicas, from) ? "waiting" : "skipped";
}

function changeOf(
  { key, revision }: ControlledChain,
  config: ChainChange["config"],
  reason: string,
): ChainChange {
  return { key, revision, config, reason, nodes: [] };
}

function keepIn(places: Set<number>, place: number, isIn: boolean): void {
  if (isIn) places.add(place);
  else places.delete(place);
}
