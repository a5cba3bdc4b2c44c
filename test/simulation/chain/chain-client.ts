import type { ChainNode } from "./chain-node.ts";
import type { World } from "./chain-world.ts";

/** A write that a head will answer once it is committed. */
export interface Waiting {
  readonly client: ChainClient;
  readonly producer: number;
  readonly sequence: number;
  readonly offset: number;
}

/** The head it sends to, as it found it. */
interface Target {
  readonly node: ChainNode;
  readonly incarnation: string;
  readonly epoch: number;
}

/** Batches that a producer has under way at once. */
const inFlightMax = 3;

/** An idempotent producer that tries again, elsewhere too, and a reader of latest offsets. */
export class ChainClient {
  producer: number;
  /** The greatest epoch and latest offset it was told. */
  epoch = 0;
  latest = 0;
  doneCount = 0;
  requestCount = 0;
  readonly #world: World;
  /** The first sequence number that has no answer. */
  #first = 0;
  #next = 0;
  readonly #answered = new Set<number>();
  #target: Target | undefined;

  constructor(world: World, producer: number) {
    this.#world = world;
    this.producer = producer;
  }

  /** After an unclean start nobody knows what is left: it begins anew. */
  forget(producer: number): void {
    this.producer = producer;
    this.#first = 0;
    this.#next = 0;
    this.#answered.clear();
    this.#target = undefined;
    this.latest = 0;
  }

  acknowledged(producer: number, sequence: number): void {
    if (producer !== this.producer || sequence < this.#first) return;
    this.#answered.add(sequence);
    while (this.#answered.delete(this.#first)) {
      this.#first += 1;
      this.doneCount += 1;
    }
    this.#next = Math.max(this.#next, this.#first);
  }

  /** Whether nobody will send this again. */
  isSettled(producer: number, sequence: number): boolean {
    const isOwn = producer === this.producer;
    return !isOwn || sequence < this.#first || this.#answered.has(sequence);
  }

  produce(): void {
    const { chance, nodes } = this.#world;
    const isSure = this.#target !== undefined && this.#isStillThere(this.#target);
    if (!isSure || chance.is(0.1)) this.#turnTo(chance.of(nodes));
    const node = this.#target?.node;
    if (node === undefined || this.#next >= this.#first + inFlightMax) return;
    if (node.refuses(-1) || node.replica.epoch < this.epoch) return;
    this.requestCount += 1;
    this.#world.judge.serving(node);
    this.epoch = node.replica.epoch;
    this.#next += 1;
    this.#write(node, this.#next - 1);
  }

  /** Sends the first batch that has no answer, here. */
  produceAt(node: ChainNode): void {
    this.#turnTo(node);
    this.#next += 1;
    this.#write(node, this.#next - 1);
  }

  /** No answer in time: all that has none is sent again, from the first on. */
  #turnTo(node: ChainNode): void {
    this.#next = this.#first;
    this.#target = undefined;
    if (!node.isUp) return;
    const { incarnation } = node.member;
    this.#target = { node, incarnation, epoch: node.replica.epoch };
  }

  #isStillThere({ node, incarnation, epoch }: Target): boolean {
    return node.isUp && node.member.incarnation === incarnation && node.replica.epoch === epoch;
  }

  #write(node: ChainNode, sequence: number): void {
    const known = node.log.producers.get(this.producer);
    const wait = { client: this, producer: this.producer, sequence };
    const offset = known?.get(sequence);
    if (offset !== undefined) {
      this.#world.say(`${node.name}: ${this.producer}:${sequence} again, known at ${offset}`);
      node.wait({ ...wait, offset });
      return node.answer(node.replica.marks.committed);
    }
    // A log whose beginning is deleted may know nothing of the producer.
    const isNew = sequence === 0 || (known === undefined && node.log.start > 0);
    const isNext = isNew || known?.has(sequence - 1) === true;
    if (!isNext && this.#world.judge.unclean === 0) {
      this.#world.judge.fail(`${this.producer}:${sequence} follows nothing at ${node.name}`);
    }
    node.wait({ ...wait, offset: node.log.end });
    this.#world.say(`${node.name}: ${this.producer}:${sequence} at ${node.log.end}`);
    node.append(this.producer, sequence);
  }

  askLatest(node: ChainNode): void {
    if (!node.isUp || node.replica.epoch < Math.max(this.epoch, this.#world.judge.unclean)) return;
    if (!node.replica.knowsLatest(node.localNow)) return;
    this.requestCount += 1;
    this.#world.judge.serving(node);
    this.epoch = node.replica.epoch;
    this.#world.judge.latest(this, node);
  }

  /** Any member may answer; what it shows is committed. */
  read(node: ChainNode): void {
    if (!node.isUp || node.replica.refusalOfRead(node.localNow) !== undefined) return;
    this.requestCount += 1;
    const { committed } = node.replica.marks;
    if (committed > 0) this.#world.judge.read(node, this.#world.chance.between(0, committed - 1));
  }
}
