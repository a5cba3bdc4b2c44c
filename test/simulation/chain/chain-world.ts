import type { ChainConfig } from "../../../src/replication/chain-config.ts";
import { sameMember } from "../../../src/replication/member.ts";
import { Chance } from "./chance.ts";
import { ChainClient } from "./chain-client.ts";
import { ChainControllers, show } from "./chain-controllers.ts";
import { faultKinds, type FaultKind, refusedDials, strike } from "./chain-faults.ts";
import { ChainNode } from "./chain-node.ts";
import { Judge } from "./judge.ts";
import { Store } from "./store.ts";
import { pairOf, Wire } from "./wire.ts";

/** A schedule counts with so much in it. */
const requestsMin = 100;
const faultsMin = 8;
const changesMin = 5;
const fillingStepsMax = 40_000;
/** What it may take for all to be well again. */
const healingStepsMax = 60_000;

export interface WorldPlan {
  readonly count: number;
  /** The first nodes are the chain, in their order. */
  readonly memberCount: number;
  readonly durability: "os" | "fsync";
  readonly minInsyncReplicas: number;
  readonly isCompacted: boolean;
}

function drawPlan(chance: Chance, seed: number): WorldPlan {
  const count = chance.is(0.85) ? chance.between(2, 4) : chance.between(5, 6);
  const durability = chance.is(0.5) ? "fsync" : "os";
  const minInsyncReplicas = count > 2 && chance.is(0.4) ? 2 : 1;
  const rules = { durability, minInsyncReplicas, isCompacted: seed % 2 === 0 } as const;
  return { count, memberCount: chance.between(1, count), ...rules };
}

/** One chain, its nodes, the coordinator and clients, in an order of events that a seed gives. */
export class World {
  readonly chance: Chance;
  readonly store = new Store();
  readonly durability: "os" | "fsync";
  readonly minInsyncReplicas: number;
  readonly isCompacted: boolean;
  readonly nodes: readonly ChainNode[];
  readonly clients: readonly ChainClient[];
  readonly controllers: ChainControllers;
  readonly judge: Judge;
  readonly wires = new Map<string, Wire>();
  /** Pairs of nodes that do not reach each other. */
  readonly blocked = new Set<string>();
  readonly faults = new Map<FaultKind, number>();
  readonly traits: ReturnType<World["drawTraits"]>;
  isHealing = false;
  stepCount = 0;
  tickMs: number;
  readonly lines: string[] = [];
  readonly #linesMax: number;
  #counter = 100;
  #goal = 0;
  #flushAsked: { node: ChainNode; incarnation: string; epoch: number; offset: number }[] = [];

  constructor(seed: number, linesMax: number, plan?: WorldPlan) {
    this.#linesMax = linesMax;
    const chance = new Chance(seed);
    this.chance = chance;
    const { count, memberCount, ...rules } = plan ?? drawPlan(chance, seed);
    this.durability = rules.durability;
    this.minInsyncReplicas = rules.minInsyncReplicas;
    this.isCompacted = rules.isCompacted;
    this.traits = this.drawTraits(seed);
    this.tickMs = this.traits.tickMs;
    this.nodes = Array.from({ length: count }, (_, id) => {
      return new ChainNode(this, id, 0.9 + 0.2 * chance.next());
    });
    this.judge = new Judge(this.nodes, this.store, (text) => this.say(text));
    for (const node of this.nodes) {
      node.lineage = this.fresh();
      node.start(0);
      for (let phase = 0; phase < 3; phase += 1) node.keepAlive();
    }
    this.store.history.push(this.#firstConfig(memberCount));
    this.clients = [1, 2].map((producer) => new ChainClient(this, producer));
    this.controllers = new ChainControllers(this);
    for (const node of this.nodes) node.watch(true);
  }

  /** Each schedule has its own mix of faults. */
  drawTraits(seed: number) {
    const { chance } = this;
    const refused = Array.from({ length: seed % 3 }, (): typeof refusedDials => refusedDials);
    const kinds = faultKinds.flatMap((kind) => {
      return Array.from({ length: chance.of([0, 1, 1, 3]) }, () => kind);
    });
    return {
      kinds: [...kinds, ...refused, "start" as const],
      faultRate: 0.02 / chance.of([1, 2, 5, 10]),
      mayStartUnclean: chance.is(0.2),
      mayLoseDisk: chance.is(0.3),
      isLazy: chance.is(0.3),
      repeats: chance.is(0.2),
      deletes: chance.is(0.3),
      tickMs: chance.of([0.03, 0.1, 0.3]),
      stepCount: chance.of([600, 1_500, 4_000]),
    };
  }

  #firstConfig(count: number): ChainConfig {
    const members = this.nodes.slice(0, count).map(({ member }) => member);
    const replicas = this.nodes.map(({ id }) => id);
    return { epoch: 1, members, joining: [], leaving: [], unclean: 0, replicas };
  }

  fresh(): string {
    this.#counter += 1;
    return String(this.#counter);
  }

  say(text: string): void {
    if (this.#linesMax === 0) return;
    this.lines.push(`${String(this.stepCount).padStart(5)} ${text}`);
    if (this.lines.length > this.#linesMax) this.lines.shift();
  }

  forgetClients(): void {
    for (const client of this.clients) client.forget(Number(this.fresh()));
  }

  // Connections

  findWire(link: number): Wire | undefined {
    for (const wire of this.wires.values()) if (wire.link === link) return wire;
    return undefined;
  }

  #dial(node: ChainNode): void {
    if (!node.isUp || node.wanted.size === 0) return;
    this.connect(node, this.nodes[this.chance.of([...node.wanted])] as ChainNode);
  }

  /** The node dials one that it wants, or finds the connection that is there. */
  connect(node: ChainNode, peer: ChainNode): void {
    const pair = pairOf(node.id, peer.id);
    if (peer === node || !peer.isUp || this.blocked.has(pair)) return;
    let wire = this.wires.get(pair);
    if (wire?.isAlive !== true) {
      if (wire !== undefined) this.close(wire);
      wire = new Wire(Number(this.fresh()), [node.member, peer.member]);
      this.wires.set(pair, wire);
    }
    node.feed({ kind: "linkOpened", link: wire.link, peer: peer.member });
  }

  /** What is under way is lost, and both sides learn of it. */
  close(wire: Wire): void {
    if (!wire.isOpen) return;
    wire.isOpen = false;
    for (const [id, { isDead, peer }] of wire.ends) {
      const node = this.nodes[id] as ChainNode;
      if (!isDead && node.isUp && sameMember(node.member, peer)) {
        node.feed({ kind: "linkClosed", link: wire.link });
      }
    }
  }

  #deliver(): void {
    if (this.wires.size === 0) return;
    const wire = this.chance.of([...this.wires.values()]);
    if (!wire.isOpen) return;
    const id = this.chance.of([...wire.ends.keys()]);
    const { inbox, isDead } = wire.endOf(id);
    const parcel = inbox.shift();
    const node = this.nodes[id] as ChainNode;
    if (parcel === undefined) return this.#noticeDeath(wire, id);
    if (isDead || !node.isUp) return;
    if (this.traits.repeats && !this.isHealing && this.chance.is(0.1)) {
      inbox.splice(this.chance.between(0, inbox.length), 0, parcel);
      this.count("a message comes twice");
    }
    node.deliver(wire, parcel);
  }

  /** When all that a dead process had sent has arrived, its connection ends. */
  #noticeDeath(wire: Wire, id: number): void {
    if (wire.otherEnd(id).isDead && this.chance.is(0.2)) this.close(wire);
  }

  count(kind: FaultKind): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  // The order of events

  step(): void {
    const { chance, traits, store } = this;
    this.stepCount += 1;
    store.now += chance.next() * this.tickMs;
    const node = chance.of(this.nodes);
    if (!this.isHealing && chance.is(traits.faultRate)) return strike(this, node);
    const event = chance.between(0, 18);
    if (event <= 4) return this.#deliver();
    if (event === 5) return this.#dial(node);
    if (event === 6) return this.controllers.step();
    if (event === 7 || event === 8) return this.#client(node);
    if (node.isUp) this.#happen(node, event);
  }

  #happen(node: ChainNode, event: number): void {
    const { chance } = this;
    switch (event) {
      case 9:
        for (let phase = chance.between(1, 3); phase > 0; phase -= 1) node.keepAlive();
        return undefined;
      case 10:
        return node.watch(chance.is(0.3));
      case 11:
      case 12:
      case 13:
        return this.#load(node);
      case 14:
        return node.write(chance.between(node.log.written, node.log.end));
      case 15:
        return this.traits.isLazy && !this.isHealing && chance.is(0.9) ? undefined : node.flush();
      case 16:
        if (this.isCompacted && chance.is(0.3)) return this.#compact(node);
        return chance.is(0.5) ? node.finishCut() : node.deleteRecords();
      default:
        return node.tick();
    }
  }

  #compact(node: ChainNode): void {
    const from = this.chance.between(node.log.start, node.log.end);
    node.compact(from, from + this.chance.between(1, 8));
  }

  #load(node: ChainNode): void {
    const [read] = node.reads;
    if (read !== undefined) node.load(read, this.chance.between(1, 3));
  }

  #client(node: ChainNode): void {
    const { chance } = this;
    const client = chance.of(this.clients);
    if (chance.is(0.2)) return client.askLatest(node);
    if (chance.is(0.2)) return client.read(node);
    if (chance.is(0.1)) return this.#administer(node);
    if (!this.isHealing || client.doneCount < this.#goal) client.produce();
  }

  /** Records are deleted, or wanted on every disk. */
  #administer(node: ChainNode): void {
    this.#answerFlushes();
    if (node.refuses(1) || node.replica.epoch < this.judge.unclean) return;
    const { logStart } = node.replica.chainMarks;
    const { judge, chance } = this;
    judge.deleted(node, logStart);
    if (!this.traits.deletes || this.isHealing || chance.is(0.5)) {
      const { end: offset } = node.log;
      const { incarnation } = node.member;
      this.#flushAsked.push({ node, incarnation, epoch: node.replica.epoch, offset });
      return node.feed({ kind: "flushAsked", offset });
    }
    const most = this.#settledBelow(node);
    const offset = chance.between(node.log.start, Math.min(most, node.log.start + 5));
    judge.deletionAsked(node, offset);
    node.startWanted = Math.max(node.startWanted, offset);
  }

  /** A producer may need the states of what it has no answer for. */
  #settledBelow({ log, shown }: ChainNode): number {
    let offset = log.start;
    for (; offset < Math.min(shown, this.judge.truth.length); offset += 1) {
      const { producer, sequence } = this.judge.truth[offset] as {
        producer: number;
        sequence: number;
      };
      if (!this.clients.every((client) => client.isSettled(producer, sequence))) break;
    }
    return offset;
  }

  #answerFlushes(): void {
    this.#flushAsked = this.#flushAsked.filter(({ node, incarnation, epoch, offset }) => {
      const isSame = node.isUp && node.member.incarnation === incarnation;
      if (!isSame || node.replica.epoch !== epoch || node.refuses(1)) return false;
      if (node.replica.chainMarks.flushed < offset) return true;
      this.judge.flushedEverywhere(node, offset);
      return false;
    });
  }

  run(): void {
    const isThin = (): boolean =>
      this.requestCount < requestsMin ||
      this.faultCount < faultsMin ||
      this.controllers.changeCount < changesMin;
    for (let step = 0; step < this.traits.stepCount; step += 1) this.step();
    for (let step = 0; isThin() && step < fillingStepsMax; step += 1) {
      this.step();
      if (step % 1_000 === 0) this.controllers.helpOut();
    }
    this.#heal();
    this.judge.atTheEnd();
  }

  get requestCount(): number {
    return this.clients.reduce((total, { requestCount }) => total + requestCount, 0);
  }

  get faultCount(): number {
    return [...this.faults.values()].reduce((total, count) => total + count, 0);
  }

  /** Whether enough happened for this schedule to count. */
  get isFull(): boolean {
    return this.requestCount >= requestsMin && this.faultCount >= faultsMin;
  }

  #heal(): void {
    this.say("--- faults stop");
    this.isHealing = true;
    this.tickMs = 0.05;
    this.blocked.clear();
    for (const node of this.nodes) {
      node.isAway = false;
      if (!node.isUp) node.start(this.#rememberedOf(node));
    }
    for (const wire of this.wires.values()) this.close(wire);
    const isBroken = this.nodes.length > 2 && this.chance.is(0.3);
    if (isBroken) {
      const one = this.chance.between(0, this.nodes.length - 2);
      this.blocked.add(pairOf(one, one + 1));
      this.say(`${one} and ${one + 1} do not reach each other any more`);
    }
    this.#goal = Math.max(...this.clients.map(({ doneCount }) => doneCount)) + 1;
    for (let step = 0; step < healingStepsMax; step += 1) {
      this.step();
      if (step % 20 === 0 && this.#isWell(isBroken)) return;
      if (step % 1_000 === 0) this.controllers.helpOut();
    }
    this.judge.fail(`no progress after the faults have stopped: ${this.#describe()}`);
  }

  #describe(): string {
    const nodes = this.nodes.map(({ name, replica, shown, log }) => {
      return `${name} ${replica.role} e${replica.epoch} committed ${shown} of ${log.end}`;
    });
    return [show(this.store.config), ...nodes].join("; ");
  }

  #rememberedOf(node: ChainNode): number {
    const remembered = this.chance.is(0.5) ? node.checkpoint : 0;
    return Math.max(Math.min(remembered, node.log.end), node.log.start);
  }

  /** A node that is down starts again. */
  restart(node: ChainNode): void {
    node.start(this.#rememberedOf(node));
  }

  #isWell(isBroken: boolean): boolean {
    const { config } = this.store;
    const members = config.members.map(({ id }) => this.nodes[id] as ChainNode);
    const head = members[0] as ChainNode;
    const countMin = isBroken ? this.minInsyncReplicas : this.nodes.length;
    if (members.length < countMin) return false;
    if (this.clients.some(({ doneCount }) => doneCount < this.#goal)) return false;
    return members.every((node) => {
      const isInStep = node.replica.epoch === config.epoch && node.isMemberOf(config);
      const isSame = node.log.start === head.log.start && node.log.end === head.log.end;
      return isInStep && isSame && node.shown === head.log.end;
    });
  }
}
