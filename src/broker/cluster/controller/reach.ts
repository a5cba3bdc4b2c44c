import type { Clock } from "../../../base/clock.ts";
import type { Life } from "../../../replication/controller/chain-ask.ts";
import type { Cluster } from "../cluster.ts";
import type { NodeEntry } from "../membership/node-entry.ts";
import type { ProcessWatch } from "./process-watch.ts";

export interface ReachParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Absent where nodes are not linked: then nobody counts as not reached. */
  readonly watch?: ProcessWatch | undefined;
  /** Dials a node, if there is no link to it. */
  readonly probe: (nodeId: number) => void;
  /** No lease outlives its process by more. */
  readonly leaseEndsMs: number;
}

/** Nobody is heard of for so long at least, and another one is to be the controller. */
const patienceMsMin = 5_000;
/** Where none was, it is given up less and less often. */
const patienceMsMax = 320_000;
/** Between two words with some of them, as a link that nobody needs ends. */
const wordEveryMs = 5_000;
/** So many, as one of them may die. */
const linkedMin = 2;

/**
 * Whether the controller's node reaches any other. One that reaches the coordinator alone hears
 * none of what members ask, and takes all others for those that stand still.
 */
export class Reach {
  readonly #parts: ReachParts;
  #aloneSinceMs: number | undefined;
  #patienceMs: number;
  #dialed = 0;
  #lastWordMs = -Infinity;

  constructor(parts: ReachParts) {
    this.#parts = parts;
    this.#patienceMs = this.#patienceMsMin;
  }

  /** Of two others nobody is heard of. With a single one it may be either that is cut off. */
  get isAlone(): boolean {
    const others = this.#others();
    return others.length > 1 && !others.some((life) => this.#isHeard(life));
  }

  /** Of a new term: how it was before says nothing. */
  begin(): void {
    this.#aloneSinceMs = undefined;
  }

  /**
   * Looks once, and dials one of them where nobody is heard of; answers whether that has lasted for
   * too long, which begins anew then.
   */
  look(): boolean {
    const { clock, probe } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (!this.isAlone) {
      this.#aloneSinceMs = undefined;
      this.#patienceMs = this.#patienceMsMin;
      this.#stayLinked(nowMs);
      return false;
    }
    this.#dialed += 1;
    for (const { id } of this.#byTurns().slice(0, 1)) probe(id);
    this.#aloneSinceMs ??= nowMs;
    if (nowMs - this.#aloneSinceMs < this.#patienceMs) return false;
    this.#aloneSinceMs = undefined;
    this.#patienceMs = Math.min(2 * this.#patienceMs, patienceMsMax);
    return true;
  }

  #stayLinked(nowMs: number): void {
    if (nowMs - this.#lastWordMs < wordEveryMs) return;
    this.#lastWordMs = nowMs;
    this.#dialed += 1;
    for (const { id } of this.#byTurns().slice(0, linkedMin)) this.#parts.probe(id);
  }

  #isHeard(life: Life): boolean {
    return this.#parts.watch?.isHeard(life) ?? true;
  }

  /** Those that are heard of, and then each of the others once. */
  #byTurns(): readonly NodeEntry[] {
    const others = this.#others();
    const first = this.#dialed % Math.max(1, others.length);
    const turned = [...others.slice(first), ...others.slice(0, first)];
    const heard = turned.filter((life) => this.#isHeard(life));
    return [...heard, ...turned.filter((life) => !heard.includes(life))];
  }

  /** Whose lease holds; who refuses to be dialed may live, once it holds for too long. */
  #others(): readonly NodeEntry[] {
    const { cluster } = this.#parts;
    const { nodes } = cluster.image;
    return nodes.filter(
      ({ id, addresses }) => id !== cluster.nodeId && addresses.peer !== undefined,
    );
  }

  get #patienceMsMin(): number {
    return Math.max(patienceMsMin, this.#parts.leaseEndsMs);
  }
}
