import { chainKey, type ChainConfig, holderIds, topicIdOf } from "../chain-config.ts";
import { holdsEverywhere, type Seat } from "../placement/seat.ts";
import type { ControlledChain } from "./chain-situation.ts";
import type { ControlledNode, NodeLookup, TopicRules } from "./controlled-node.ts";

/**
 * What the controller sees of the coordinator's state. A change marks the chains that it concerns,
 * and no others: a node's only those that it has to do with. As a lookup it knows the nodes that
 * are up: leased, and not gone as far as is known.
 */
export class ControllerImage implements NodeLookup {
  readonly #nodes = new Map<number, ControlledNode>();
  readonly #topics = new Map<string, TopicRules>();
  readonly #chains = new Map<string, ControlledChain>();
  readonly #chainsByNode = new Map<number, Set<string>>();
  readonly #joiningByNode = new Map<number, number>();
  #gone: ReadonlyMap<number, string> = new Map();
  #starting: ReadonlySet<number> = new Set();
  #seats: readonly Seat[] = [];
  #removed: readonly number[] = [];
  #era = 0;
  #marked = new Set<string>();

  /** Chains that something has happened to since they were last taken, the oldest first. */
  get marked(): ReadonlySet<string> {
    return this.#marked;
  }

  /** Of the mark that a restored coordinator has: chains of earlier eras are its backup's. */
  get era(): number {
    return this.#era;
  }

  get chainCount(): number {
    return this.#chains.size;
  }

  chains(): IterableIterator<ControlledChain> {
    return this.#chains.values();
  }

  findNode(id: number): ControlledNode | undefined {
    const node = this.#nodes.get(id);
    return node !== undefined && this.#gone.get(id) === node.incarnation ? undefined : node;
  }

  /** Every node whose lease holds. */
  readonly leased: NodeLookup = { findNode: (id) => this.#nodes.get(id) };

  findChain(key: string): ControlledChain | undefined {
    return this.#chains.get(key);
  }

  findTopic(key: string): TopicRules | undefined {
    return this.#topics.get(topicIdOf(key));
  }

  /** Whether a node has a lease and is not up yet. */
  isStarting(id: number): boolean {
    return this.#starting.has(id);
  }

  /** Whether a node is down and was removed for good. */
  isLost(id: number): boolean {
    return !this.#nodes.has(id) && this.#seats.some((seat) => seat.id === id && seat.isGone);
  }

  /** Nodes that were removed for good since this was asked last. */
  takeRemoved(): readonly number[] {
    const removed = this.#removed;
    this.#removed = [];
    return removed;
  }

  /** How many chains name the node as a joiner. */
  joiningCount(id: number): number {
    return this.#joiningByNode.get(id) ?? 0;
  }

  chainsOf(id: number): ReadonlySet<string> {
    return this.#chainsByNode.get(id) ?? new Set();
  }

  mark(key: string): void {
    if (this.#chains.has(key)) this.#marked.add(key);
  }

  unmark(key: string): void {
    this.#marked.delete(key);
  }

  setNode(node: ControlledNode): void {
    const before = this.#nodes.get(node.id);
    this.#nodes.set(node.id, node);
    const isSame =
      before?.incarnation === node.incarnation &&
      before.isDraining === node.isDraining &&
      before.isFull === node.isFull;
    if (!isSame) this.#markChainsOf(node.id);
  }

  /** These lives, by node id, are gone although their leases hold; all others are not. */
  setGone(gone: ReadonlyMap<number, string>): void {
    const before = this.#gone;
    this.#gone = gone;
    for (const id of new Set([...before.keys(), ...gone.keys()])) {
      if (before.get(id) !== gone.get(id)) this.#markChainsOf(id);
    }
  }

  /** Its lease is gone. */
  removeNode(id: number): void {
    if (this.#nodes.delete(id)) this.#markChainsOf(id);
  }

  /** These have leases, and do not know yet what they hold. */
  setStarting(ids: ReadonlySet<number>): void {
    const before = this.#starting;
    this.#starting = ids;
    for (const id of before) if (!ids.has(id)) this.#markChainsOf(id);
  }

  setTopic(topicId: string, rules: TopicRules): void {
    this.#topics.set(topicId, rules);
    for (let index = 0; index < rules.partitions; index += 1) this.mark(chainKey(topicId, index));
  }

  /** Its chains are removed one by one. */
  removeTopic(topicId: string): void {
    this.#topics.delete(topicId);
  }

  setSeats(seats: readonly Seat[]): void {
    const before = new Set(this.#seats.filter(({ isGone }) => isGone).map(({ id }) => id));
    this.#seats = [...seats].sort((a, b) => a.id - b.id);
    const removed = this.#seats.filter(({ id, isGone }) => isGone && !before.has(id));
    this.#removed = [...this.#removed, ...removed.map(({ id }) => id)];
    for (const { id } of removed) for (const key of this.chainsOf(id)) this.#marked.add(key);
    for (const [topicId, rules] of this.#topics) {
      if (rules.isEverywhere) this.setTopic(topicId, rules);
    }
  }

  setChain(chain: ControlledChain): void {
    const before = this.#chains.get(chain.key)?.config;
    this.#chains.set(chain.key, chain);
    this.#index(chain.key, before, chain.config);
    this.#marked.add(chain.key);
  }

  setEra(era: number): void {
    if (era === this.#era) return;
    this.#era = era;
    for (const [key, { config }] of this.#chains)
      if ((config.era ?? 0) < era) this.#marked.add(key);
  }

  removeChain(key: string): void {
    const before = this.#chains.get(key)?.config;
    if (before === undefined) return;
    this.#chains.delete(key);
    // Who keeps something of it forgets it then.
    this.#marked.add(key);
    this.#index(key, before, undefined);
  }

  /** The nodes a chain is to be on, the preferred head first. */
  wantedOf({ key, config }: ControlledChain): readonly number[] {
    if (config.target !== undefined) return config.target;
    if (this.findTopic(key)?.isEverywhere !== true) return config.replicas;
    const holding = this.#seats.filter(holdsEverywhere).map(({ id }) => id);
    const staying = config.replicas.filter((id) => holding.includes(id));
    const all = [...staying, ...holding.filter((id) => !staying.includes(id))];
    return all.length === 0 ? config.replicas : all;
  }

  #markChainsOf(id: number): void {
    for (const key of this.chainsOf(id)) this.#marked.add(key);
    if (!this.#seats.some((seat) => seat.id === id)) return;
    // A new node may belong to chains that are everywhere and do not know it yet.
    for (const [topicId, rules] of this.#topics) {
      if (rules.isEverywhere) this.setTopic(topicId, rules);
    }
  }

  #index(key: string, before?: ChainConfig, after?: ChainConfig): void {
    const idsBefore = before === undefined ? [] : holderIds(before);
    const idsAfter = after === undefined ? [] : holderIds(after);
    for (const id of idsBefore) if (!idsAfter.includes(id)) this.#chainsByNode.get(id)?.delete(key);
    for (const id of idsAfter) {
      const keys = this.#chainsByNode.get(id) ?? new Set();
      this.#chainsByNode.set(id, keys.add(key));
    }
    for (const { id } of before?.joining ?? []) this.#countJoining(id, -1);
    for (const { id } of after?.joining ?? []) this.#countJoining(id, 1);
  }

  #countJoining(id: number, change: number): void {
    this.#joiningByNode.set(id, this.joiningCount(id) + change);
  }
}
