import type { Seat } from "./seat.ts";

/** Lists that are looked at for the next to change. */
const lookedAtMax = 64;

/**
 * Moves the preferred head to the front of some lists, as few as it can, until no node has more
 * heads than its weight asks for by more than one, where the replicas allow it, or until every node
 * is within `tolerance` of that (0.01: one percent). Of those that would do, one is changed whose
 * topic has most heads there. Changes the lists; `topics` says of each whose it is.
 */
export function balanceHeads(
  assigned: number[][],
  topics: readonly string[],
  seats: readonly Seat[],
  tolerance: number,
): void {
  if (seats.length <= 1) return;
  new HeadBalance(assigned, topics, seats, tolerance).run();
}

/** Heads are handed on along ways of several nodes: A to B and B to C when A has none with C. */
class HeadBalance {
  readonly #assigned: number[][];
  /** By list. */
  readonly #topics: readonly string[];
  readonly #weights: readonly number[];
  readonly #places = new Map<number, number>();
  readonly #heads: number[];
  /** Heads for a weight of 1, the least and the most that need no change. */
  readonly #least: number;
  readonly #most: number;
  /** [head's place][other replica's place]: the lists in which the one could follow the other. */
  readonly #handovers: Set<number>[][];
  /** By topic: [head's place]. */
  readonly #topicHeads: ReadonlyMap<string, number[]>;

  constructor(
    assigned: number[][],
    topics: readonly string[],
    seats: readonly Seat[],
    tolerance: number,
  ) {
    this.#assigned = assigned;
    this.#topics = topics;
    this.#weights = seats.map(({ weight }) => weight);
    const even = assigned.length / this.#weights.reduce((sum, weight) => sum + weight, 0);
    this.#least = even * (1 - tolerance);
    this.#most = even * (1 + tolerance);
    seats.forEach(({ id }, place) => this.#places.set(id, place));
    this.#heads = seats.map(() => 0);
    this.#handovers = seats.map(() => seats.map(() => new Set<number>()));
    this.#topicHeads = new Map([...new Set(topics)].map((topic) => [topic, seats.map(() => 0)]));
    for (const at of inTurns(topics)) this.#note(at, true);
  }

  run(): void {
    for (let way = this.#findWay(); way !== undefined; way = this.#findWay()) {
      for (let step = 0; step + 1 < way.length; step += 1) {
        const [from, to] = [way[step] as number, way[step + 1] as number];
        const at = this.#choose(from, to);
        this.#note(at, false);
        bringForward(this.#assigned[at] as number[], to, this.#places);
        this.#note(at, true);
      }
    }
  }

  #choose(from: number, to: number): number {
    let best = { at: -1, gain: Number.NEGATIVE_INFINITY };
    let count = 0;
    for (const at of this.#handovers[from]?.[to] ?? []) {
      const heads = this.#topicHeads.get(this.#topics[at] as string) as number[];
      const gain = (heads[from] as number) - (heads[to] as number);
      if (gain > best.gain) best = { at, gain };
      count += 1;
      if (count === lookedAtMax) break;
    }
    return best.at;
  }

  /** From the node with the most heads for its weight on, the shortest way that evens them out. */
  #findWay(): number[] | undefined {
    const order = this.#heads.map((_, place) => place);
    order.sort((left, right) => this.#relative(right) - this.#relative(left));
    const least = order.at(-1) as number;
    for (const from of order) {
      // No node has fewer than the last one: if that would not help, none does.
      if (!this.#evens(from, least)) return undefined;
      const way = this.#wayFrom(from, order);
      if (way !== undefined) return way;
    }
    return undefined;
  }

  /** `order`: those with most heads first. */
  #wayFrom(from: number, order: readonly number[]): number[] | undefined {
    const before = new Map<number, number>([[from, -1]]);
    const open = [from];
    for (const place of open) {
      if (this.#evens(from, place)) return pathTo(place, before);
      for (const next of order.toReversed()) {
        if (before.has(next) || this.#handovers[place]?.[next]?.size === 0) continue;
        before.set(next, place);
        open.push(next);
      }
    }
    return undefined;
  }

  #relative(place: number): number {
    return (this.#heads[place] as number) / (this.#weights[place] as number);
  }

  /** Whether the sum of squares, each by its weight, falls when one head goes over. */
  #evens(from: number, to: number): boolean {
    if (this.#heads[from] === 0) return false;
    const [most, least] = [this.#relative(from), this.#relative(to)];
    if (most <= this.#most && least >= this.#least) return false;
    const cost = 1 / (this.#weights[from] as number) + 1 / (this.#weights[to] as number);
    return 2 * (most - least) > cost * (1 + 1e-9);
  }

  #note(at: number, isThere: boolean): void {
    const [head, ...others] = this.#assigned[at] as number[];
    const place = this.#places.get(head as number);
    if (place === undefined) return;
    const ofTopic = this.#topicHeads.get(this.#topics[at] as string) as number[];
    for (const heads of [this.#heads, ofTopic]) {
      heads[place] = (heads[place] as number) + (isThere ? 1 : -1);
    }
    for (const other of others) {
      const lists = this.#handovers[place]?.[this.#places.get(other) ?? -1];
      if (isThere) lists?.add(at);
      else lists?.delete(at);
    }
  }
}

/** The lists' places: the first one of each topic, the second one of each, and so on. */
function inTurns(topics: readonly string[]): number[] {
  const counts = new Map<string, number>();
  const turns = topics.map((topic) => {
    const turn = counts.get(topic) ?? 0;
    counts.set(topic, turn + 1);
    return turn;
  });
  const order = topics.map((_, at) => at);
  return order.sort((left, right) => (turns[left] as number) - (turns[right] as number));
}

function bringForward(list: number[], place: number, places: ReadonlyMap<number, number>): void {
  const at = list.findIndex((id) => places.get(id) === place);
  const [id] = list.splice(at, 1);
  list.unshift(id as number);
}

function pathTo(place: number, before: ReadonlyMap<number, number>): number[] {
  const path: number[] = [];
  for (let at = place; at !== -1; at = before.get(at) as number) path.unshift(at);
  return path;
}
