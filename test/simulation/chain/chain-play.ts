import type { ChainConfig } from "../../../src/replication/chain-config.ts";
import type { Member } from "../../../src/replication/member.ts";
import { show } from "./chain-controllers.ts";
import { crash } from "./chain-faults.ts";
import type { ChainNode } from "./chain-node.ts";
import { World } from "./chain-world.ts";
import { Violation } from "./judge.ts";
import { pairOf, type Parcel, type Wire } from "./wire.ts";

const linesMax = 10_000;
/** More rounds than any play needs to come to rest. */
const roundsMax = 200;

type Verb = (words: string[]) => string[] | void;

/** A schedule that is written down: a line is a command, and answers with what has happened. */
class ChainPlay {
  #kept: Parcel | undefined;
  #world = this.#build(["2", "fsync", "1"]);
  readonly #verbs: Readonly<Record<string, Verb>> = {
    nodes: (words) => void (this.#world = this.#build(words)),
    config: (words) => this.#configure(words),
    see: (names) => this.#each(names, (node) => node.watch(true)),
    settle: () => this.#settle(),
    deliver: ([from = "", to = "", count = "1"]) => this.#deliver(from, to, Number(count)),
    connect: () => this.#connect(),
    read: (names) => this.#each(names, (node) => this.#read(node)),
    append: ([name = "", count = "1"]) => this.#append(this.#node(name), Number(count)),
    produce: ([name = "", index = "1"]) => this.#produce(this.#node(name), Number(index)),
    write: (names) => this.#each(names, (node) => node.write(node.log.end)),
    flush: (names) => this.#each(names, (node) => this.#flush(node)),
    delete: ([name = "", offset = "0"]) => this.#delete(this.#node(name), Number(offset)),
    compact: ([name = "", from = "0", to = "0"]) => {
      this.#node(name).compact(Number(from), Number(to));
    },
    crash: ([name = "", what = "process"]) => {
      crash(this.#world, this.#node(name), what as "process" | "machine" | "disk");
      this.#hangUp(this.#node(name));
    },
    start: (names) => this.#each(names, (node) => this.#start(node)),
    block: ([one = "", other = ""]) => this.#block(one, other),
    unblock: ([one = "", other = ""]) => {
      this.#world.blocked.delete(this.#pair(one, other));
    },
    cut: ([one = "", other = ""]) => this.#cut(one, other),
    lose: ([from = "", to = ""]) => void this.#inbox(from, to).shift(),
    keep: ([from = "", to = ""]) => void (this.#kept = this.#inbox(from, to)[0]),
    again: ([from = "", to = ""]) => this.#again(from, to),
    away: (names) => this.#each(names, (node) => this.#reach(node, false)),
    back: (names) => this.#each(names, (node) => this.#reach(node, true)),
    pass: ([ms = "0"]) => this.#pass(Number(ms)),
    wait: ([ms = "0"]) => void (this.#world.store.now += Number(ms)),
    renew: (names) => this.#each(names, (node) => node.keepAlive()),
    look: ([one = "1"]) => this.#world.controllers.look(Number(one)),
    decide: ([one = "1"]) => this.#world.controllers.decide(Number(one)),
    refuse: ([name = "", from = ""]) => {
      this.#world.controllers.refused(this.#node(name), this.#node(from));
    },
    hand: ([name = ""]) => this.#world.controllers.handTo(this.#node(name)),
    show: () => this.#show(),
    may: (names) => this.#named(names).map((node) => this.#may(node)),
  };

  /** Answers what a command has led to, a line each. */
  run(line: string): string[] {
    const [verb = "", ...words] = line.split(/\s+/);
    const act = this.#verbs[verb];
    if (act === undefined) throw new Error(`no play knows "${verb}"`);
    const { lines } = this.#world;
    const before = lines.length;
    let more: string[] = [];
    try {
      more = act(words) ?? [];
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
    }
    const said = this.#world.lines === lines ? lines.slice(before) : [];
    return [...said.map((text) => text.slice(6)), ...more];
  }

  /** `nodes 3 fsync 1 compacted`: so many nodes, durability, min.insync.replicas. */
  #build([count = "2", durability = "fsync", min = "1", compacted]: string[]): World {
    const plan = { count: Number(count), memberCount: 1, minInsyncReplicas: Number(min) };
    const rules = {
      durability: durability as "os" | "fsync",
      isCompacted: compacted !== undefined,
    };
    const world = new World(1, linesMax, { ...plan, ...rules });
    for (const node of world.nodes) node.isAway = false;
    return world;
  }

  #node(name: string): ChainNode {
    const node = this.#world.nodes["ABCDEFGH".indexOf(name)];
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  #named(names: string[]): ChainNode[] {
    return names[0] === "all" ? [...this.#world.nodes] : names.map((name) => this.#node(name));
  }

  #each(names: string[], act: (node: ChainNode) => void): void {
    for (const node of this.#named(names)) act(node);
  }

  /** Whether the coordinator is in reach. */
  #reach(node: ChainNode, isInReach: boolean): void {
    node.isAway = !isInReach;
  }

  #members(names: string): Member[] {
    return names.split(",").map((name) => this.#node(name).member);
  }

  /** `config A,B joining C leaving A unclean same`: a new epoch, unless it is the same. */
  #configure(words: string[]): string[] {
    const { store, judge } = this.#world;
    const after = (word: string): string | undefined => {
      const place = words.indexOf(word);
      return place < 0 ? undefined : words[place + 1];
    };
    const epoch = store.config.epoch + (words.includes("same") ? 0 : 1);
    const joining = after("joining");
    const leaving = after("leaving");
    const config: ChainConfig = {
      ...store.config,
      epoch,
      members: this.#members(words[0] ?? ""),
      joining: joining === undefined ? [] : this.#members(joining),
      leaving: leaving === undefined ? [] : [this.#node(leaving).id],
      unclean: words.includes("unclean") ? epoch : store.config.unclean,
    };
    if (words.includes("unclean")) judge.startUnclean(this.#node(words[0] ?? ""), epoch, true);
    store.history.push(config);
    judge.checkMembers();
    return [show(config)];
  }

  #connect(): void {
    for (const node of this.#world.nodes) {
      if (!node.isUp) continue;
      for (const id of node.wanted) this.#world.connect(node, this.#world.nodes[id] as ChainNode);
    }
  }

  /** Everything happens that can, but that the disks write nothing. */
  #settle(): void {
    for (let round = 0; round < roundsMax; round += 1) {
      this.#connect();
      for (const wire of this.#world.wires.values()) {
        for (const [id, { inbox }] of wire.ends) {
          const parcel = wire.isOpen ? inbox.shift() : undefined;
          if (parcel !== undefined) this.#world.nodes[id]?.deliver(wire, parcel);
        }
      }
      for (const node of this.#world.nodes) {
        this.#read(node);
        node.finishCut();
        if (node.isUp) node.deleteRecords();
      }
    }
  }

  #read(node: ChainNode): void {
    const [read] = node.reads;
    if (node.isUp && read !== undefined) node.load(read, read.countMax);
  }

  #deliver(from: string, to: string, count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const parcel = this.#inbox(from, to).shift();
      if (parcel !== undefined) this.#node(to).deliver(this.#wire(from, to), parcel);
    }
  }

  /** What was kept comes late, on the connection that is there now. */
  #again(from: string, to: string): void {
    if (this.#kept !== undefined) this.#node(to).deliver(this.#wire(from, to), this.#kept);
  }

  #pair(one: string, other: string): string {
    return pairOf(this.#node(one).id, this.#node(other).id);
  }

  #wire(one: string, other: string): Wire {
    const wire = this.#world.wires.get(this.#pair(one, other));
    if (wire === undefined) throw new Error(`${one} and ${other} are not connected`);
    return wire;
  }

  #inbox(from: string, to: string): Parcel[] {
    return this.#wire(from, to).endOf(this.#node(to).id).inbox;
  }

  #append(node: ChainNode, count: number): string[] {
    const refusal = node.replica.refusalOfAppend(1, node.localNow);
    if (refusal !== undefined) return [`${node.name} refuses: ${refusal}`];
    for (let left = count; left > 0; left -= 1) node.append(0, 0);
    return [`${node.name} ends at ${node.log.end}`];
  }

  #produce(node: ChainNode, index: number): string[] {
    const refusal = node.replica.refusalOfAppend(-1, node.localNow);
    if (refusal !== undefined) return [`${node.name} refuses: ${refusal}`];
    this.#world.clients[index - 1]?.produceAt(node);
    return [];
  }

  #flush(node: ChainNode): void {
    node.write(node.log.end);
    node.flush();
  }

  #delete(node: ChainNode, offset: number): void {
    this.#world.judge.deletionAsked(node, offset);
    node.startWanted = offset;
    node.deleteRecords();
  }

  /** It remembers what its checkpoint says. */
  #start(node: ChainNode): void {
    node.start(Math.max(Math.min(node.checkpoint, node.log.end), node.log.start));
    for (let phase = 0; phase < 3; phase += 1) node.keepAlive();
  }

  #hangUp(node: ChainNode): void {
    for (const wire of this.#world.wires.values()) {
      if (wire.ends.has(node.id)) this.#world.close(wire);
    }
  }

  #block(one: string, other: string): void {
    this.#world.blocked.add(this.#pair(one, other));
    this.#cut(one, other);
  }

  #cut(one: string, other: string): void {
    const wire = this.#world.wires.get(this.#pair(one, other));
    if (wire !== undefined) this.#world.close(wire);
  }

  /** Time goes by in small steps; who reaches the coordinator keeps its lease. */
  #pass(ms: number): void {
    const { store, nodes } = this.#world;
    for (let passed = 0; passed < ms; passed += 5) {
      store.now += 5;
      for (const node of nodes) {
        if (!node.isUp) continue;
        for (let phase = 0; phase < 3; phase += 1) node.keepAlive();
        node.feed({ kind: "tick" });
      }
    }
  }

  #show(): string[] {
    return this.#world.nodes.map((node) => {
      const { name, replica, log, isUp } = node;
      if (!isUp) return `${name} is down, ${log.end} in its log`;
      const { role, epoch, marks } = replica;
      const { logStart, end, written, flushed, committed } = marks;
      const stored = `${logStart}..${end} written ${written} flushed ${flushed}`;
      return `${name} ${role} e${epoch} ${stored} committed ${committed}`;
    });
  }

  #may({ name, replica, localNow }: ChainNode): string {
    const say = (code: string | undefined): string => code ?? "yes";
    const append = say(replica.refusalOfAppend(-1, localNow));
    const read = say(replica.refusalOfRead(localNow));
    return `${name} append ${append}, read ${read}, latest ${replica.knowsLatest(localNow)}`;
  }
}

/** The play with what it answers: comments and blank lines stay. */
export function performPlay(text: string): string {
  const play = new ChainPlay();
  const lines = text.split("\n").filter((line) => !line.startsWith("  "));
  const answered = lines.flatMap((line) => {
    if (line === "" || line.startsWith("#")) return [line];
    return [line, ...play.run(line).map((answer) => `  ${answer}`)];
  });
  return answered.join("\n");
}
