import type { Clock } from "../../../base/clock.ts";
import type { Cluster } from "../cluster.ts";
import type { ProcessWatch } from "./process-watch.ts";

export interface ReachParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Absent where nodes are not linked: then nobody counts as not reached. */
  readonly watch?: ProcessWatch | undefined;
  /** Dials a node, if there is no link to it. */
  readonly probe: (nodeId: number) => void;
}

/** Nobody is heard of for so long, and another one is to be the controller. */
const patienceMsMin = 5_000;
/** Where none was, it is given up less and less often. */
const patienceMsMax = 320_000;

/**
 * Whether the controller's node reaches any other. One that reaches the coordinator alone hears
 * none of what members ask, and takes all others for those that stand still.
 */
export class Reach {
  readonly #parts: ReachParts;
  #aloneSinceMs: number | undefined;
  #patienceMs = patienceMsMin;
  #dialed = 0;

  constructor(parts: ReachParts) {
    this.#parts = parts;
  }

  /** Of two others nobody is heard of. With a single one it may be either that is cut off. */
  get isAlone(): boolean {
    const { watch } = this.#parts;
    const others = this.#others();
    return others.length > 1 && !others.some((life) => watch?.isHeard(life) ?? true);
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
      this.#patienceMs = patienceMsMin;
      return false;
    }
    const others = this.#others();
    this.#dialed += 1;
    probe((others[this.#dialed % others.length] as { id: number }).id);
    this.#aloneSinceMs ??= nowMs;
    if (nowMs - this.#aloneSinceMs < this.#patienceMs) return false;
    this.#aloneSinceMs = undefined;
    this.#patienceMs = Math.min(2 * this.#patienceMs, patienceMsMax);
    return true;
  }

  /** Those that are up as far as is known. */
  #others(): Cluster["image"]["nodes"] {
    const { cluster, watch } = this.#parts;
    return cluster.image.nodes.filter((node) => {
      const isOther = node.id !== cluster.nodeId && node.addresses.peer !== undefined;
      return isOther && watch?.isGone(node) !== true;
    });
  }
}
