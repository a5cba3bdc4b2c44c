import type { ChainAsk, Life, LogEnd } from "./chain-ask.ts";
import type { ChainChange } from "./chain-change.ts";
import {
  newNotes,
  type ChainNotes,
  type ChainSituation,
  type ControlledChain,
  type ControllerTimes,
  type Verdict,
} from "./chain-situation.ts";
import type { ControllerImage } from "./controller-image.ts";
import { decideChain } from "./decide-chain.ts";
import { isLongAgo } from "./failure-rules.ts";
import { DueKeys } from "./due-keys.ts";
import { PreferredHeads } from "./preferred-heads.ts";
import { comparedNodes } from "./return-rules.ts";
import { type Refusal, type SuspicionOptions, Suspicions } from "./suspicions.ts";

export interface ControllerOptions extends ControllerTimes, SuspicionOptions {
  /** Joins of one node that are under way at once. */
  readonly joinsPerNodeMax: number;
  /** Chains looked at in one call of `decide`; the next one goes on from there. */
  readonly looksMax: number;
  /** Chains that bring their preferred head back at once, by themselves; 0: only when told. */
  readonly headsAtOnceMax: number;
  /** How long another head leads before that happens. */
  readonly preferredAfterMs: number;
  /** Whether another node is known to live, by more than its lease. Absent: leases are believed. */
  readonly isHeard?: (life: Life) => boolean;
}

/** What is to be done. */
export interface ControllerDecision {
  /** At most one of each chain. */
  readonly changes: readonly ChainChange[];
  /** Which nodes to ask for the ends of which logs; answered by `tell`. */
  readonly questions: readonly LogEndQuestion[];
  /** Nodes to dial, to see whether their processes are there; told by `refused` or `linked`. */
  readonly probes: readonly number[];
  /** When to decide again even if nothing happens. */
  readonly wakeMs: number | undefined;
  /** More is waiting: decide again at once. */
  readonly hasMore: boolean;
}

export interface LogEndQuestion {
  readonly nodeId: number;
  readonly keys: readonly string[];
}

/** What one round asks of nodes, by their ids. */
interface Asking {
  readonly questions: Map<number, string[]>;
  /** Whose sign of life is wanted. */
  readonly unheard: Set<number>;
}

/**
 * Decides how chains change: image, asks and reports in, compare-and-set writes out (cluster.md,
 * section 4). It holds nothing that may not be lost: another one begins with a new image. Looks
 * only at chains that something has happened to.
 *
 * Its shell keeps the image as the coordinator's state is, hands in asks, reports, refusals and log
 * ends, calls `decide` after each, at `wakeMs`, and again while there is more; it writes each
 * change, comparing the revisions named, and calls `retry` for one that was refused or whose
 * outcome it does not know.
 */
export class ChainController {
  readonly #image: ControllerImage;
  readonly #options: ControllerOptions;
  readonly #notes = new Map<string, ChainNotes>();
  readonly #stuck = new Map<string, string>();
  readonly #due = new DueKeys();
  readonly #preferred: PreferredHeads;
  readonly #suspicions: Suspicions;
  /** By key: the revision a change was decided on, and the joiner it names. */
  readonly #decided = new Map<string, { revision: number; joins: number | undefined }>();
  readonly #deciding = new Map<number, number>();
  /** By node id: chains whose join waits for another one to end. */
  readonly #waiting = new Map<number, Set<string>>();
  /** Nodes of which chains wait for a sign of life. */
  readonly #unheard = new Set<number>();

  constructor(image: ControllerImage, options: ControllerOptions) {
    this.#image = image;
    this.#options = options;
    this.#preferred = new PreferredHeads(options);
    this.#suspicions = new Suspicions(options);
  }

  /** Chains that need a hand, and why. */
  get stuck(): ReadonlyMap<string, string> {
    return this.#stuck;
  }

  /** Takes an ask or a report: the newest of its kind counts, once its epoch is the chain's. */
  ask(ask: ChainAsk, nowMs: number): void {
    // Of a chain that is not seen yet: who asks, asks again.
    if (this.#image.findChain(ask.key) === undefined) return;
    const notes = this.#notesOf(ask.key);
    const known = notes.asks.get(ask.kind);
    if (known !== undefined && known.epoch > ask.epoch) return;
    notes.asks.set(ask.kind, ask);
    if (ask.kind === "fenced") {
      // Heard while nothing is decided, it counts from then.
      if (known?.epoch !== ask.epoch) notes.fencedMs = nowMs;
      this.tell(ask);
    }
    this.#image.mark(ask.key);
  }

  /** Whether a log of a later epoch than the chain's is known. */
  isBehindLogs(key: string): boolean {
    const epoch = this.#notes.get(key)?.asks.get("fenced")?.epoch;
    return epoch !== undefined && epoch === this.#image.findChain(key)?.config.epoch;
  }

  /** A node, this one perhaps, has dialed another one, and nobody listens there. */
  refused(refusal: Refusal, nowMs: number): void {
    this.#suspicions.refused(refusal, nowMs);
  }

  /** This node has a link to a node in that life. */
  linked(life: Life): void {
    this.#suspicions.linked(life);
    if (!this.#unheard.delete(life.id)) return;
    for (const key of this.#image.chainsOf(life.id)) this.#image.mark(key);
  }

  unlinked(life: Life): void {
    this.#suspicions.unlinked(life);
  }

  /** Takes the answer to a question. */
  tell(end: LogEnd): void {
    if (this.#image.findChain(end.key) === undefined) return;
    const { logEnds } = this.#notesOf(end.key);
    const before = logEnds.get(end.from.id);
    logEnds.set(end.from.id, end);
    // Who can not open its log is asked again and again, each time that it is due.
    const isUnopened = before?.isUnopened === true && end.isUnopened === true;
    if (isUnopened && before.from.incarnation === end.from.incarnation) return;
    this.#image.mark(end.key);
  }

  /** The chain is to go back to its preferred head. */
  prefer(key: string): void {
    if (this.#image.findChain(key) === undefined) return;
    this.#notesOf(key).wantsPreferred = true;
    this.#image.mark(key);
  }

  /** A change was refused, or nobody knows its outcome: it is decided anew. */
  retry(key: string): void {
    this.#forgetDecided(key);
    this.#image.mark(key);
  }

  decide(nowMs: number): ControllerDecision {
    for (const key of this.#due.take(nowMs)) this.#image.mark(key);
    for (const id of this.#image.takeRemoved()) this.#markLogsOf(id);
    const { gone, probes, wakeMs } = this.#suspicions.review(nowMs, this.#image.leased);
    this.#image.setGone(gone);
    const changes: ChainChange[] = [];
    const asking = { questions: new Map<number, string[]>(), unheard: new Set(probes) };
    let looks = 0;
    for (const key of this.#image.marked) {
      looks += 1;
      if (looks > this.#options.looksMax) break;
      this.#image.unmark(key);
      const chain = this.#image.findChain(key);
      if (chain === undefined) {
        this.#forget(key);
        continue;
      }
      const verdict = this.#look(chain, nowMs);
      if (verdict?.kind === "change") changes.push(this.#changeOf(chain, verdict));
      else if (verdict?.kind === "wait") this.#wait(key, verdict, asking);
    }
    return {
      changes,
      questions: [...asking.questions].map(([nodeId, keys]) => ({ nodeId, keys })),
      probes: [...asking.unheard],
      wakeMs: earlier(wakeMs, this.#due.earliestMs),
      hasMore: this.#image.marked.size > 0,
    };
  }

  #look(chain: ControlledChain, nowMs: number): Verdict | undefined {
    const { key, revision } = chain;
    const topic = this.#image.findTopic(key);
    if (topic === undefined) return undefined;
    const decided = this.#decided.get(key);
    if (decided?.revision === revision) return undefined;
    if (decided !== undefined) this.#forgetDecided(key);
    this.#stuck.delete(key);
    this.#freeSlots();
    const notes = this.#notes.get(key) ?? newNotes();
    const situation: ChainSituation = {
      chain,
      topic,
      nodes: this.#image,
      leased: this.#image.leased,
      notes,
      nowMs,
      times: this.#options,
      wanted: this.#image.wantedOf(chain),
      restored: this.#restoredOf(chain, notes, nowMs),
      isStarting: (id) => this.#image.isStarting(id),
      isLost: (id) => this.#image.isLost(id),
      isHeard: (life) => life.id === this.#options.selfId || this.#hears(life),
      mayJoin: (id) => this.#joins(id) < this.#options.joinsPerNodeMax,
    };
    const dueMs = this.#preferred.look(situation);
    const verdict = decideChain(situation);
    if (dueMs !== undefined) this.#due.add(key, dueMs);
    const next = this.#preferred.takeNext();
    if (next !== undefined) this.#image.mark(next);
    this.#keep(situation, verdict);
    return verdict;
  }

  #hears(life: Life): boolean {
    return this.#options.isHeard?.(life) ?? true;
  }

  #restoredOf(
    { config }: ControlledChain,
    notes: ChainNotes,
    nowMs: number,
  ): ChainSituation["restored"] {
    const { era } = this.#image;
    if ((config.era ?? 0) >= era) return undefined;
    if (notes.ofBackup?.era !== era) notes.ofBackup = { era, sinceMs: nowMs };
    return { era, untilMs: notes.ofBackup.sinceMs + this.#options.restoredRestMs };
  }

  #changeOf(chain: ControlledChain, verdict: Verdict & { kind: "change" }): ChainChange {
    const { key, revision, config: before } = chain;
    const { config, reason, compared = [] } = verdict;
    const joiner = config.joining.find(({ id }) => !before.joining.some((one) => one.id === id));
    this.#decided.set(key, { revision, joins: joiner?.id });
    if (joiner !== undefined) this.#countDeciding(joiner.id, 1);
    return { key, revision, config, reason, nodes: comparedNodes(compared, this.#image.leased) };
  }

  #wait(key: string, verdict: Verdict & { kind: "wait" }, asking: Asking): void {
    const { untilMs, question = [], unheard = [], slotOf, stuck } = verdict;
    for (const id of unheard) {
      this.#unheard.add(id);
      asking.unheard.add(id);
    }
    if (untilMs !== undefined) this.#due.add(key, untilMs);
    if (stuck !== undefined) this.#stuck.set(key, stuck);
    if (slotOf !== undefined) {
      const waiting = this.#waiting.get(slotOf) ?? new Set();
      this.#waiting.set(slotOf, waiting.add(key));
    }
    for (const id of question) {
      const keys = asking.questions.get(id);
      if (keys === undefined) asking.questions.set(id, [key]);
      else keys.push(key);
    }
  }

  /** Notes of chains that nothing is the matter with are dropped. */
  #keep({ chain, notes, nowMs }: ChainSituation, verdict?: Verdict): void {
    const { key } = chain;
    const { epoch } = chain.config;
    const isAwaited = verdict?.kind === "wait" && verdict.unheard !== undefined;
    if (!isAwaited) notes.unheardSinceMs = undefined;
    for (const [kind, ask] of notes.asks) if (ask.epoch < epoch) notes.asks.delete(kind);
    if (notes.leaving !== undefined && notes.leaving.epoch < epoch) notes.leaving = undefined;
    for (const [id, rest] of notes.resting) if (isLongAgo(rest, nowMs)) notes.resting.delete(id);
    const isKnown = notes.asks.size > 0 || notes.resting.size > 0 || notes.wantsPreferred;
    if (verdict === undefined && !isKnown) this.#notes.delete(key);
    else this.#notes.set(key, notes);
  }

  #notesOf(key: string): ChainNotes {
    const notes = this.#notes.get(key) ?? newNotes();
    this.#notes.set(key, notes);
    return notes;
  }

  /** Joins of the node that are under way, those included that are decided and not seen yet. */
  #joins(id: number): number {
    return this.#image.joiningCount(id) + (this.#deciding.get(id) ?? 0);
  }

  #forgetDecided(key: string): void {
    const joins = this.#decided.get(key)?.joins;
    this.#decided.delete(key);
    if (joins !== undefined) this.#countDeciding(joins, -1);
  }

  #countDeciding(id: number, change: number): void {
    this.#deciding.set(id, (this.#deciding.get(id) ?? 0) + change);
  }

  /** A member that has just joined, or one that does not any more, makes room for a next one. */
  #freeSlots(): void {
    for (const [id, waiting] of this.#waiting) {
      let free = this.#options.joinsPerNodeMax - this.#joins(id);
      for (const key of waiting) {
        if (free <= 0) break;
        waiting.delete(key);
        this.#image.mark(key);
        free -= 1;
      }
      if (waiting.size === 0) this.#waiting.delete(id);
    }
  }

  /** Chains that wait for this node's log wait no more: it was removed for good. */
  #markLogsOf(id: number): void {
    for (const [key, { logEnds }] of this.#notes) if (logEnds.has(id)) this.#image.mark(key);
  }

  #forget(key: string): void {
    this.#forgetDecided(key);
    this.#notes.delete(key);
    this.#stuck.delete(key);
    this.#preferred.forget(key);
  }
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
