import type { ChainMember, HistoryEvent, PartitionKey } from "../history.ts";
import { topicOf } from "./checker.ts";

/** Who of a chain still has all that it ever acknowledged. */
interface Copies {
  members: readonly ChainMember[];
  readonly lost: Set<string>;
}

/**
 * When a partition may have lost what it had acknowledged, by the faults of its own history. One
 * node: a topic that answers before it flushes, in a power cut or when a flush fails. A chain: once
 * every member of its newest epoch has lost its disk, or, where it answers before it flushes, its
 * machine (cluster.md, section 5).
 */
export class Losses {
  /** Of topics that answer before they flush. */
  readonly #osTopics = new Set<string>();
  readonly #chains = new Map<PartitionKey, Copies>();
  readonly #lastOf = new Map<PartitionKey, number>();
  /** Lives of nodes, in any chain, whose disks are gone: a new chain may name them for a while. */
  readonly #goneDisks = new Set<string>();
  /** The same of lives that ended in a power cut. */
  readonly #goneCaches = new Set<string>();
  /** Nodes whose copies have rotted, whichever life finds it. */
  readonly #rotten = new Map<PartitionKey, Set<number>>();
  /** Of all such topics: there are no chains. */
  #lastOfAll = -1;

  static in(history: readonly HistoryEvent[]): Losses {
    const losses = new Losses();
    for (const event of history) losses.learn(event);
    for (const [at, event] of history.entries()) losses.take(at, event);
    return losses;
  }

  /** A topic's rules may be told after the first chains of it. */
  learn(event: HistoryEvent): void {
    if (event.kind !== "topicCreated" || event.rules.durability !== "os") return;
    this.#osTopics.add(event.topicId);
  }

  /** Event number `at`; in order. Answers whether `last` may have changed. */
  take(at: number, event: HistoryEvent): boolean {
    if (event.kind === "chain") this.#configure(at, event);
    else if (event.kind === "diskLost") this.#loseDisk(at, event);
    else if (event.kind === "rotted") this.#rot(at, event);
    else if (event.kind === "healed") this.#heal(event);
    else if (event.kind !== "unsyncedLost") return false;
    else if (event.nodeId === undefined) this.#lastOfAll = at;
    else {
      if (event.incarnation !== undefined) this.#goneCaches.add(event.incarnation);
      this.#lose(at, event.nodeId, true);
    }
    return true;
  }

  /** The number of the last event by which it may have lost something; -1: there was none. */
  last(key: PartitionKey): number {
    const own = this.#lastOf.get(key) ?? -1;
    return this.#isOs(key) ? Math.max(own, this.#lastOfAll) : own;
  }

  /** Whether no member of its chain has what it had: nobody goes on with it but by hand. */
  isLost(key: PartitionKey): boolean {
    const copies = this.#chains.get(key);
    return copies !== undefined && this.#soundOf(key, copies).length === 0;
  }

  /** Whether something would be lost with this node's disk, of all it has or of one partition. */
  dependOn(nodeId: number, only?: PartitionKey): boolean {
    for (const [key, copies] of this.#chains) {
      if (only !== undefined && key !== only) continue;
      if (this.#soundOf(key, copies).every((one) => one.nodeId === nodeId)) return true;
    }
    return false;
  }

  #soundOf(key: PartitionKey, { members, lost }: Copies): ChainMember[] {
    const rotten = this.#rotten.get(key);
    return members.filter((one) => !lost.has(one.incarnation) && rotten?.has(one.nodeId) !== true);
  }

  #isOs(key: PartitionKey): boolean {
    return this.#osTopics.has(topicOf(key));
  }

  #configure(at: number, { partition, members }: HistoryEvent & { kind: "chain" }): void {
    const copies = this.#chains.get(partition) ?? { members, lost: new Set() };
    const sound = this.#soundOf(partition, copies);
    copies.members = members;
    const isOs = this.#isOs(partition);
    for (const { incarnation } of members) {
      const isGone = isOs && this.#goneCaches.has(incarnation);
      if (isGone || this.#goneDisks.has(incarnation)) copies.lost.add(incarnation);
    }
    if (members.length === 0) this.#chains.delete(partition);
    else this.#chains.set(partition, copies);
    // To go on with a rotten copy although another node has a sound one excuses nothing.
    const isByRot = members.some(({ incarnation }) => !copies.lost.has(incarnation));
    const isNeeded = sound.every((one) => members.some(({ nodeId }) => nodeId === one.nodeId));
    if (isNeeded || !isByRot) this.#note(at, partition, copies);
  }

  /** The life it befell may be in no chain yet: it has just come back. */
  #loseDisk(at: number, { nodeId, incarnation }: HistoryEvent & { kind: "diskLost" }): void {
    if (incarnation !== undefined) this.#goneDisks.add(incarnation);
    this.#lose(at, nodeId, false);
  }

  #heal({ partition, nodeId, leftUpTo }: HistoryEvent & { kind: "healed" }): void {
    if (leftUpTo === undefined) this.#rotten.get(partition)?.delete(nodeId);
  }

  #rot(at: number, { partition, nodeId }: HistoryEvent & { kind: "rotted" }): void {
    const rotten = this.#rotten.get(partition) ?? new Set();
    this.#rotten.set(partition, rotten.add(nodeId));
    const copies = this.#chains.get(partition);
    if (copies !== undefined) this.#note(at, partition, copies);
  }

  #lose(at: number, nodeId: number, isUnsynced: boolean): void {
    for (const [key, copies] of this.#chains) {
      if (isUnsynced && !this.#isOs(key)) continue;
      const own = copies.members.filter((member) => member.nodeId === nodeId);
      for (const { incarnation } of own) {
        copies.lost.add(incarnation);
        if (!isUnsynced) this.#goneDisks.add(incarnation);
      }
      if (own.length > 0) this.#note(at, key, copies);
    }
  }

  #note(at: number, key: PartitionKey, copies: Copies): void {
    if (this.#soundOf(key, copies).length === 0) this.#lastOf.set(key, at);
  }
}
