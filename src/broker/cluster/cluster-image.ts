import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import {
  chainKey,
  type ChainConfig,
  chainsPrefix,
  parseChainConfig,
} from "../../replication/chain-config.ts";
import type { Member } from "../../replication/member.ts";
import { NodeLoads } from "../../replication/placement/node-loads.ts";
import type { Seat } from "../../replication/placement/seat.ts";
import type { Change, CoordinatorState } from "../ports/coordinator.ts";
import { deletedPrefix, readDeletedTopic } from "../topics/topic-entry.ts";
import {
  controllerKey,
  parseController,
  type ControllerEntry,
} from "./controller/controller-entry.ts";
import { featuresKey, firstLevel, parseFeatures } from "./feature-level.ts";
import { foundersKey, nodesThatCame, parseFounders } from "./membership/founders.ts";
import { nodesPrefix, parseNodeEntry, type NodeEntry } from "./membership/node-entry.ts";
import { parseSeat, seatsPrefix } from "./membership/seat-entry.ts";
import type { UnreadableEntries, UnreadableEntry } from "./unreadable-entries.ts";

/** A chain's configuration, and the revision that wrote it. */
export interface StoredChain {
  readonly config: ChainConfig;
  readonly revision: number;
}

/** What changes made of the image. */
export interface ImageNews {
  readonly nodesChanged: boolean;
  readonly controllerChanged: boolean;
  /** Keys of chains that are new, others or gone. */
  readonly chains: readonly string[];
  /** The coordinator was restored from a backup: which chains are of it is to be looked at anew. */
  readonly isRestored: boolean;
}

/** What a node knows of the cluster, all at one revision: nodes, seats, chains, the controller. */
export class ClusterImage {
  readonly #nodes = new Map<number, NodeEntry>();
  readonly #seats = new Map<number, Seat>();
  readonly #chains = new Map<string, StoredChain>();
  readonly #loads = new NodeLoads();
  #founders: readonly number[] = [];
  #controller: ControllerEntry | undefined;
  #level = firstLevel;

  /**
   * What of it can not be read is noted. Throws INVALID_CONFIG where that is the feature level:
   * nobody knows what may be written then.
   */
  constructor({ entries }: CoordinatorState, unreadable: UnreadableEntries) {
    for (const one of this.apply(entries).unreadable) {
      unreadable.note(one);
      if (one.key !== featuresKey) continue;
      throw new XylemError("INVALID_CONFIG", `the coordinator's entry ${one.key}: ${one.why}`);
    }
  }

  /** The nodes that are up, sorted by id; not those that have not finished their start. */
  get nodes(): readonly NodeEntry[] {
    return [...this.#nodes.values()].filter(isUp).sort((a, b) => a.id - b.id);
  }

  /** Nodes that have a lease, and have not finished their start. */
  get startingIds(): ReadonlySet<number> {
    const starting = [...this.#nodes.values()].filter((node) => !isUp(node));
    return new Set(starting.map(({ id }) => id));
  }

  /** Nodes that have a place in the cluster, be they up or not, sorted by id. */
  get seats(): readonly Seat[] {
    return [...this.#seats.values()].sort((a, b) => a.id - b.id);
  }

  /** How many nodes were ever given a part, those that have left included. */
  get cameCount(): number {
    return nodesThatCame(this.#founders, [...this.#seats.values()]).size;
  }

  /** What each node holds. Live. */
  get loads(): NodeLoads {
    return this.#loads;
  }

  get controller(): ControllerEntry | undefined {
    return this.#controller;
  }

  /** The feature level that is finalized: what is above is not used yet. */
  get level(): number {
    return this.#level;
  }

  /** The keys of all chains with what they are. Live. */
  get chains(): ReadonlyMap<string, StoredChain> {
    return this.#chains;
  }

  /** A node that is up. */
  node(id: number): NodeEntry | undefined {
    const node = this.#nodes.get(id);
    return node !== undefined && isUp(node) ? node : undefined;
  }

  seat(id: number): Seat | undefined {
    return this.#seats.get(id);
  }

  chain(topicId: string, partition: number): StoredChain | undefined {
    return this.#chains.get(chainKey(topicId, partition));
  }

  /** Whether a member is up in that same life. */
  has({ id, incarnation }: Pick<Member, "id" | "incarnation">): boolean {
    return this.node(id)?.incarnation === incarnation;
  }

  /** The head of a chain, unless it is down. */
  headOf({ members }: ChainConfig): Member | undefined {
    const [head] = members;
    return head !== undefined && this.has(head) ? head : undefined;
  }

  /** What can not be read, as somebody's hand may have left it, is as it was; all else is taken. */
  apply(
    changes: readonly Change[],
  ): Omit<ImageNews, "isRestored"> & { readonly unreadable: readonly UnreadableEntry[] } {
    const unreadable: UnreadableEntry[] = [];
    const taken = changes.filter((change) => {
      try {
        this.#take(change);
        return true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        unreadable.push({ key: change.key, why });
        // Whoever stands for the office may have it then.
        if (change.key === controllerKey) this.#controller = undefined;
        return change.key === controllerKey;
      }
    });
    const isBelow = (...prefixes: string[]) =>
      taken.filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    return {
      nodesChanged: isBelow(nodesPrefix, seatsPrefix).length > 0,
      controllerChanged: taken.some(({ key }) => key === controllerKey),
      chains: isBelow(chainsPrefix).map(({ key }) => key),
      unreadable,
    };
  }

  #take(change: Change): void {
    const { key, value } = change;
    if (key.startsWith(chainsPrefix)) this.#applyChain(change);
    else if (key.startsWith(nodesPrefix)) this.#applyNode(change);
    else if (key.startsWith(seatsPrefix)) this.#applySeat(change);
    else if (key === controllerKey) {
      this.#controller = value === null ? undefined : parseController(value);
    } else if (key === foundersKey) {
      this.#founders = value === null ? [] : parseFounders(value);
    } else if (key === featuresKey) {
      this.#level = value === null ? firstLevel : parseFeatures(value);
    } else if (key.startsWith(deletedPrefix) && value !== null) {
      // Read at starts only; it is told before.
      readDeletedTopic(key, value);
    }
  }

  #applyChain({ key, value, revision }: Change): void {
    const config = value === null ? undefined : parseChainConfig(key, value);
    const before = this.#chains.get(key);
    if (before !== undefined) this.#loads.remove(placed(key, before.config));
    if (config === undefined) {
      this.#chains.delete(key);
      return;
    }
    this.#chains.set(key, { config, revision });
    this.#loads.add(placed(key, config));
  }

  #applyNode({ key, value }: Change): void {
    const id = idOf(key, nodesPrefix);
    if (value === null) this.#nodes.delete(id);
    else this.#nodes.set(id, parseNodeEntry(key, value));
  }

  #applySeat({ key, value }: Change): void {
    const id = idOf(key, seatsPrefix);
    if (value === null) this.#seats.delete(id);
    else this.#seats.set(id, parseSeat(key, value));
  }
}

/** A node that is still starting is nowhere yet. */
function isUp({ lineages }: NodeEntry): boolean {
  return lineages !== undefined;
}

function idOf(key: string, prefix: string): number {
  const id = Number(key.slice(prefix.length));
  assert(Number.isSafeInteger(id), `the coordinator's key ${key} names no node`);
  return id;
}

/** Its bytes are not known here: replicas and heads are what counts. */
function placed(key: string, { replicas }: ChainConfig) {
  return { key: key.slice(chainsPrefix.length), replicas, sizeBytes: 0 };
}
