import type { ChainSituation } from "./chain-situation.ts";
import type { NodeLookup } from "./controlled-node.ts";

export interface PreferredHeadOptions {
  readonly headsAtOnceMax: number;
  readonly preferredAfterMs: number;
}

/**
 * Brings preferred heads back, some at a time: after a node was away, others lead its chains. Only
 * where all replicas are there, and have been for a while.
 */
export class PreferredHeads {
  readonly #options: PreferredHeadOptions;
  readonly #sinceMs = new Map<string, number>();
  readonly #underWay = new Set<string>();
  readonly #queue = new Set<string>();

  constructor(options: PreferredHeadOptions) {
    this.#options = options;
  }

  /** Notes the wish in the situation when its time has come; answers when to look again. */
  look({ chain, notes, nowMs, wanted, topic, nodes }: ChainSituation): number | undefined {
    const { key, config } = chain;
    const { headsAtOnceMax, preferredAfterMs } = this.#options;
    if (config.members[0]?.id === wanted[0]) {
      this.forget(key);
      return undefined;
    }
    const mayLead = areUpWithRoom(wanted, nodes);
    if (!mayLead && this.#underWay.has(key)) notes.wantsPreferred = false;
    if (!mayLead || headsAtOnceMax === 0) {
      this.forget(key);
      return undefined;
    }
    if (this.#underWay.has(key)) return undefined;
    const isWhole = wanted.every((id) => config.members.some((member) => member.id === id));
    const canSpare = config.members.length > Math.max(1, topic.minInsyncReplicas);
    if (!isWhole || !canSpare || config.target !== undefined) {
      this.forget(key);
      return undefined;
    }
    const sinceMs = this.#sinceMs.get(key) ?? nowMs;
    this.#sinceMs.set(key, sinceMs);
    if (nowMs < sinceMs + preferredAfterMs) return sinceMs + preferredAfterMs;
    if (this.#underWay.size >= headsAtOnceMax) {
      this.#queue.add(key);
      return undefined;
    }
    this.#underWay.add(key);
    this.#queue.delete(key);
    notes.wantsPreferred = true;
    return undefined;
  }

  forget(key: string): void {
    this.#sinceMs.delete(key);
    this.#underWay.delete(key);
    this.#queue.delete(key);
  }

  /** A chain that waited, once another one is done. */
  takeNext(): string | undefined {
    if (this.#underWay.size >= this.#options.headsAtOnceMax) return undefined;
    const [next] = this.#queue;
    if (next !== undefined) this.#queue.delete(next);
    return next;
  }
}

/** The first of them is to lead, and needs room for that. */
function areUpWithRoom(wanted: readonly number[], nodes: NodeLookup): boolean {
  const areUp = wanted.every((id) => nodes.findNode(id) !== undefined);
  return areUp && wanted.slice(0, 1).every((id) => nodes.findNode(id)?.isFull !== true);
}
