import type { Life } from "./chain-ask.ts";
import type { NodeLookup } from "./controlled-node.ts";

/** A node has dialed another one where it is registered, and nobody listens there. */
export interface Refusal {
  readonly suspect: Life;
  readonly from: Life;
}

export interface SuspicionOptions {
  /** The node of this controller. */
  readonly selfId: number;
  /** How long a refusal counts that is not repeated. */
  readonly suspectMs: number;
}

export interface SuspicionReview {
  /** Lives that count as gone though their lease holds, by node id. */
  readonly gone: ReadonlyMap<number, string>;
  /** Nodes that the controller is to dial itself. */
  readonly probes: readonly number[];
  /** When to look again even if nothing happens. */
  readonly wakeMs: number | undefined;
}

interface Suspect {
  readonly incarnation: string;
  /** By the id of who says so. */
  readonly refusals: Map<number, { readonly incarnation: string; atMs: number; count: number }>;
  readonly sinceMs: number;
  probedMs: number;
  isGone: boolean;
}

/** Dials of a suspect by the controller in that time. */
const probesPerSuspicion = 5;
/** The part of it in which others are not believed while the first own dial is under way. */
const answersPerSuspicion = 25;
/** So many refusals are enough from the controller's node, or from so many nodes one each. */
const refusalsMin = 2;

/**
 * Which processes are gone before their leases are, by the evidence of those who dialed them: two
 * refusals, of which one by the controller, or two nodes' while the controller finds nothing out.
 * Whoever is linked to the controller lives. It is about nodes, not chains: one suspicion is for
 * all chains of a node. It may be wrong, and may not matter: a live member that is cut out loses
 * nothing committed (cluster.md, section 4).
 *
 * unsuspected → (refused) → suspected → (refused again, or by another) → gone; any → (linked;
 * another life; no refusal for a while) → unsuspected.
 */
export class Suspicions {
  readonly #selfId: number;
  readonly #lastsMs: number;
  readonly #probeMs: number;
  readonly #answerMs: number;
  readonly #suspects = new Map<number, Suspect>();
  readonly #linked = new Map<number, string>();

  constructor({ selfId, suspectMs }: SuspicionOptions) {
    this.#selfId = selfId;
    this.#lastsMs = suspectMs;
    this.#probeMs = suspectMs / probesPerSuspicion;
    this.#answerMs = suspectMs / answersPerSuspicion;
  }

  refused({ suspect, from }: Refusal, nowMs: number): void {
    const { id, incarnation } = suspect;
    if (id === this.#selfId || id === from.id) return;
    let known = this.#suspects.get(id);
    if (known?.incarnation !== incarnation) {
      const unknown = { probedMs: -Infinity, sinceMs: nowMs, isGone: false };
      known = { incarnation, refusals: new Map(), ...unknown };
      this.#suspects.set(id, known);
    }
    const before = known.refusals.get(from.id);
    const count = before?.incarnation === from.incarnation ? before.count + 1 : 1;
    known.refusals.set(from.id, { incarnation: from.incarnation, atMs: nowMs, count });
  }

  /** The controller has a link to it. */
  linked({ id, incarnation }: Life): void {
    this.#linked.set(id, incarnation);
    this.#suspects.delete(id);
  }

  unlinked({ id, incarnation }: Life): void {
    if (this.#linked.get(id) === incarnation) this.#linked.delete(id);
  }

  review(nowMs: number, leased: NodeLookup): SuspicionReview {
    const gone = new Map<number, string>();
    const probes: number[] = [];
    let wakeMs: number | undefined;
    for (const [id, suspect] of this.#suspects) {
      if (!this.#isOpen(id, suspect, nowMs, leased)) {
        this.#suspects.delete(id);
        continue;
      }
      suspect.isGone = !this.#isLinked(id, suspect) && this.#isProved(suspect, nowMs);
      if (suspect.isGone) gone.set(id, suspect.incarnation);
      // As it is said below when to look again: of fractions a difference may be less.
      if (nowMs >= suspect.probedMs + this.#probeMs) {
        suspect.probedMs = nowMs;
        probes.push(id);
      }
      const answeredMs = suspect.sinceMs + this.#answerMs;
      const nextMs = nowMs < answeredMs ? answeredMs : suspect.probedMs + this.#probeMs;
      wakeMs = Math.min(wakeMs ?? nextMs, nextMs);
    }
    return { gone, probes, wakeMs };
  }

  /** Whether anybody who counts still says so of the life that is registered. */
  #isOpen(id: number, { incarnation, refusals }: Suspect, nowMs: number, leased: NodeLookup) {
    if (leased.findNode(id)?.incarnation !== incarnation) return false;
    for (const [from, { incarnation: life, atMs }] of refusals) {
      const isHeard = leased.findNode(from)?.incarnation === life && !this.#isGone(from);
      if (!isHeard || nowMs - atMs > this.#lastsMs) refusals.delete(from);
    }
    return refusals.size > 0;
  }

  #isGone(id: number): boolean {
    return this.#suspects.get(id)?.isGone === true;
  }

  #isLinked(id: number, { incarnation }: Suspect): boolean {
    return this.#linked.get(id) === incarnation;
  }

  #isProved({ refusals, sinceMs, isGone }: Suspect, nowMs: number): boolean {
    // Once it is gone a single voice that goes on saying so is enough.
    if (isGone) return true;
    const own = refusals.get(this.#selfId);
    if (own !== undefined) return own.count >= refusalsMin || refusals.size >= refusalsMin;
    return refusals.size >= refusalsMin && nowMs >= sinceMs + this.#answerMs;
  }
}
