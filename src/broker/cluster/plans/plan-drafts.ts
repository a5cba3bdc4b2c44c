import type { PlanDraft } from "../../../replication/placement/draft-plan.ts";
import { isSameList } from "../../../replication/placement/reassignment.ts";
import type { Seat } from "../../../replication/placement/seat.ts";
import type { ClusterImage } from "../cluster-image.ts";
import { formatSeat } from "../membership/seat-entry.ts";

/** Drafts that can still be committed. */
const keptMax = 16;

/** A draft, and the ring it was made for. */
interface KeptDraft {
  readonly ring: readonly Seat[];
  readonly draft: PlanDraft;
}

/** What was shown to people, who commit that and nothing else. Lost with the controller. */
export class PlanDrafts {
  readonly #kept = new Map<string, KeptDraft>();
  readonly #prefix: string;
  #count = 0;

  /** Ids of drafts begin with the prefix: another controller's differ. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  keep(ring: readonly Seat[], draft: PlanDraft): string {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    this.#kept.set(id, { ring, draft });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptMax) break;
      this.#kept.delete(oldest);
    }
    return id;
  }

  /** Undefined: it is not known, or not true any more. */
  findFresh(id: string, image: ClusterImage): PlanDraft | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined || !isSameRing(kept.ring, image.seats)) return undefined;
    const isAsBefore = kept.draft.moves.every(({ key, from }) => {
      const config = image.chains.get(key)?.config;
      // A partition that was deleted takes nothing from the others.
      if (config === undefined) return true;
      return config.target === undefined && isSameList(config.replicas, from);
    });
    return isAsBefore ? kept.draft : undefined;
  }
}

function isSameRing(left: readonly Seat[], right: readonly Seat[]): boolean {
  const textOf = (seat: Seat): string => `${seat.id} ${formatSeat(seat)}`;
  return left.map(textOf).join() === right.map(textOf).join();
}
