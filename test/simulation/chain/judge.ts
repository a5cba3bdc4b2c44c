import type { ChainConfig } from "../../../src/replication/chain-config.ts";
import type { Peer } from "../../../src/replication/chain-input.ts";
import { sameMember } from "../../../src/replication/member.ts";
import type { ChainClient, Waiting } from "./chain-client.ts";
import type { ChainNode } from "./chain-node.ts";
import type { ModelRecord } from "./model-log.ts";
import type { Store, StoreView } from "./store.ts";

/** What must never happen has happened. */
export class Violation extends Error {}

interface Acknowledged {
  readonly offset: number;
  readonly record: ModelRecord;
}

/** Knows what was ever committed and answered, and compares what is done with it. */
export class Judge {
  /** What is committed, by offset. */
  truth: ModelRecord[] = [];
  /** The epoch of the last unclean start. */
  unclean = 0;
  /** Disks, or unflushed bytes, were lost: fewer copies may be left than were made. */
  lossCount = 0;
  givenUpCount = 0;
  commitCount = 0;
  acknowledgedCount = 0;
  /** Below it records may be gone: a client had them deleted. */
  deletableBelow = 0;
  readonly #deletable = new Set<ModelRecord>();
  /** Below it a client was told that they are, by a head of that epoch. */
  #deletedBelow = 0;
  #deletedInEpoch = 0;
  /** Whose log the last unclean start goes on with. */
  #chosen: ChainNode | undefined;
  /** Where that began: of what was below nothing is known. */
  #knownFrom = 0;
  #acknowledged: Acknowledged[] = [];
  readonly #droppedLineages = new Set<string>();
  readonly #committers = new Map<number, string>();
  /** In which epoch the one ahead of a node heard last that the node is in step, in which life. */
  readonly #heard = new Map<number, { readonly epoch: number; readonly incarnation: string }>();
  readonly #nodes: readonly ChainNode[];
  readonly #store: Store;
  readonly #say: (text: string) => void;

  constructor(nodes: readonly ChainNode[], store: Store, say: (text: string) => void) {
    this.#nodes = nodes;
    this.#store = store;
    this.#say = say;
  }

  fail(what: string): never {
    this.#say(`VIOLATION ${what}`);
    throw new Violation(what);
  }

  /** Something is answered: the node thinks its lease holds; so must the coordinator. */
  serving(node: ChainNode): void {
    if (this.#store.findLive(node.id)?.incarnation !== node.member.incarnation) {
      this.fail(`${node.name} serves after its lease is gone`);
    }
  }

  /** A replica takes [from, to) for committed; as head it decides so. */
  committed(node: ChainNode, from: number, to: number): void {
    const decides = node.isHead;
    if (decides) this.serving(node);
    this.#adopt(node, from);
    const isStale = node.replica.epoch < this.unclean;
    const first = Math.max(from, node.log.start, this.#knownFrom);
    for (let offset = first; offset < to; offset += 1) this.#commitOne(node, offset, isStale);
    if (!decides) return;
    const before = this.#committers.get(node.replica.epoch) ?? node.name;
    this.#committers.set(node.replica.epoch, node.name);
    if (before !== node.name) this.fail(`two nodes commit in epoch ${node.replica.epoch}`);
    this.commitCount += 1;
    this.checkMembers(from);
  }

  #commitOne(node: ChainNode, offset: number, isStale: boolean): void {
    const record = node.log.records[offset];
    const known = this.truth[offset];
    if (record === undefined) this.fail(`${node.name} commits past its end`);
    if (isStale && !node.isHead) return;
    if (node.isHead) this.#checkCopies(node, offset, record);
    if (isStale) this.fail(`${node.name} commits after an unclean start elsewhere`);
    if (known === undefined && node.isHead) this.truth[offset] = record;
    else if (known === undefined) this.fail(`${node.name} shows ${offset}, which is not committed`);
    else if (known !== record) this.fail(`committed record ${offset} changed at ${node.name}`);
  }

  /** Every listed live member holds every committed record. */
  checkMembers(from = 0): void {
    for (const member of this.#store.config.members) {
      const node = this.#nodes[member.id] as ChainNode;
      if (!node.isUp || !sameMember(node.member, member)) continue;
      if (node.log.start > this.deletableBelow) this.fail(`${node.name} deleted on its own`);
      const first = Math.max(from, node.log.start, this.#knownFrom);
      for (let offset = first; offset < this.truth.length; offset += 1) {
        if (node.log.records[offset] !== this.truth[offset]) {
          this.fail(`member ${node.name} lacks committed record ${offset}`);
        }
      }
    }
  }

  /** A client has a head delete what is below `offset`; all of it is committed. */
  deletionAsked({ log }: ChainNode, offset: number): void {
    this.deletableBelow = Math.max(this.deletableBelow, offset);
    for (const record of log.records.slice(log.start, offset)) {
      if (record !== undefined) this.#deletable.add(record);
    }
  }

  /** A replica deletes what some head was asked to: these records, not others in their place. */
  deleting({ name, log }: ChainNode, offset: number): void {
    for (let at = log.start; at < offset; at += 1) {
      const record = log.records[at];
      if (record !== undefined && this.#deletable.has(record)) continue;
      this.fail(`${name} deletes ${at}, which nobody asked for`);
    }
  }

  /** A process starts with what its disk has, and remembers some of it as committed. */
  started(node: ChainNode, committed: number): void {
    if (this.unclean > 0) return;
    for (let offset = node.log.start; offset < committed; offset += 1) {
      if (node.log.records[offset] !== this.truth[offset]) {
        this.fail(`${node.name} starts with another record ${offset} as committed`);
      }
    }
  }

  /** An Ack: the peer may be appended to the chain for what it has. */
  heard({ replica }: ChainNode, { id, incarnation }: Peer, epoch: number): void {
    if (replica.epoch === epoch) this.#heard.set(id, { epoch, incarnation });
  }

  truncating(node: ChainNode, to: number): void {
    const heard = this.#heard.get(node.id);
    const isHeard = heard?.incarnation === node.member.incarnation;
    if (isHeard && heard.epoch === node.replica.epoch && to < node.log.end) {
      this.fail(`${node.name} truncates what it has acknowledged in this epoch`);
    }
    // It was chosen, and does not know yet.
    if (node === this.#chosen && node.replica.epoch < this.unclean) this.#giveUp(to);
    if (node.isMember) this.fail(`member ${node.name} truncates`);
    const isOld = node.log.lastEpoch < (node.replica.config?.unclean ?? 0);
    // Of a compacted log what others have taken out may hide that it is theirs (decision 44).
    if (to < node.shown && !isOld && !node.isCompacted)
      this.fail(`${node.name} truncates below its committed ${node.shown}`);
  }

  /** A producer is told that its record is committed. */
  acknowledged(node: ChainNode, { client, sequence, producer, offset }: Waiting): void {
    const record = this.truth[offset];
    if (node.replica.epoch < this.unclean) {
      this.fail(`${node.name} acknowledges after an unclean start elsewhere`);
    }
    if (record?.producer !== producer || record.sequence !== sequence) {
      this.fail(`${node.name} acknowledges ${producer}:${sequence}, not committed at ${offset}`);
    }
    this.acknowledgedCount += 1;
    this.#acknowledged.push({ offset, record });
    client.acknowledged(producer, sequence);
  }

  #checkCopies(node: ChainNode, offset: number, record: ModelRecord): void {
    if (this.lossCount > 0) return;
    const copies = this.#nodes.filter(({ log }) => {
      const kept = node.durability === "fsync" ? log.stable : log.records;
      return kept[offset] === record || log.start > offset;
    });
    if (copies.length < node.minInsyncReplicas) {
      this.fail(`${node.name} commits ${offset} with too few copies: ${copies.length}`);
    }
  }

  /** A client is told the latest offset. */
  latest(client: ChainClient, node: ChainNode): void {
    const { committed } = node.replica.marks;
    if (committed < client.latest) {
      this.fail(
        `the latest offset went back from ${client.latest} to ${committed} at ${node.name}`,
      );
    }
    client.latest = committed;
    const isDeposed = node.replica.epoch < Math.max(this.unclean, this.#deletedInEpoch);
    if (node.log.start < this.#deletedBelow && !isDeposed) {
      this.fail(`deleted records come back at ${node.name}`);
    }
  }

  /** A client is told that what is below the offset is deleted. */
  deleted({ replica }: ChainNode, offset: number): void {
    if (offset <= this.#deletedBelow) return;
    this.#deletedBelow = Math.min(offset, this.deletableBelow);
    this.#deletedInEpoch = replica.epoch;
  }

  /** A client reads one record that the node shows. */
  read(node: ChainNode, offset: number): void {
    const first = Math.max(node.log.start, this.#knownFrom);
    if (node.replica.epoch < this.unclean || offset < first) return;
    // What a former life knew as committed an unclean start may not have given up, nor kept.
    const isKnown = this.unclean === 0 || this.truth[offset] !== undefined;
    if (isKnown && node.log.records[offset] !== this.truth[offset]) {
      this.fail(`${node.name} shows another record ${offset} than was committed`);
    }
  }

  /** A client is told that all members have flushed what is below `offset`. */
  flushedEverywhere(node: ChainNode, offset: number): void {
    for (const { id, incarnation } of node.replica.config?.members ?? []) {
      const { log, member, isUp } = this.#nodes[id] as ChainNode;
      if (!isUp || member.incarnation !== incarnation) continue;
      if (log.flushed < offset)
        this.fail(`${node.name} says flushed below ${offset}, ${id} has not`);
    }
  }

  /** Remembers who is cut while no member is up: its disk may be the only one that is left. */
  configured({ config: before, live }: StoreView, after: ChainConfig): void {
    const isUp = before.members.some(({ id, incarnation }) => {
      return live.get(id)?.incarnation === incarnation;
    });
    const isShortened = after.members.every((member) => before.members.includes(member));
    if (isUp || !isShortened) return;
    const dropped = before.members.filter((member) => !after.members.includes(member));
    for (const { lineage } of dropped) this.#droppedLineages.add(lineage);
  }

  /** What an unclean start from this node keeps; the rest is given up. */
  startUnclean(node: ChainNode, epoch: number, isByHand: boolean): void {
    const { records } = node.log;
    let kept = node.log.start;
    while (kept < this.truth.length && records[kept] === this.truth[kept]) kept += 1;
    const held = this.#heldOf(node);
    kept = Math.max(Math.min(node.shown, held), Math.min(kept, held));
    // It is cut yet, whatever it is to be.
    kept = Math.min(kept, node.cutting?.offset ?? kept);
    this.truth = this.truth.slice(0, Math.min(kept, node.log.start));
    for (let offset = this.truth.length; offset < kept; offset += 1) {
      this.truth[offset] = records[offset] as ModelRecord;
    }
    this.#knownFrom = node.log.start;
    const givenUp = this.#giveUp(kept);
    if (!isByHand) this.givenUpCount += givenUp;
    const isLeft = this.#nodes.some(({ lineage }) => this.#droppedLineages.has(lineage));
    if (givenUp > 0 && isLeft) this.fail("records are given up that a member cut in vain has");
    this.unclean = epoch;
    this.#chosen = node;
    this.#deletedBelow = Math.min(this.#deletedBelow, node.log.start);
  }

  /** Answers of how many records a client was told that they are there. */
  #giveUp(from: number): number {
    this.truth = this.truth.slice(0, from);
    this.#knownFrom = Math.min(this.#knownFrom, from);
    const before = this.#acknowledged.length;
    this.#acknowledged = this.#acknowledged.filter(
      ({ offset, record }) => this.truth[offset] === record,
    );
    return before - this.#acknowledged.length;
  }

  #heldOf({ durability, log }: ChainNode): number {
    return durability === "fsync" ? log.flushed : log.written;
  }

  /** What the node of an unclean start had shown, perhaps after it was chosen, stays. */
  adopted(node: ChainNode): void {
    this.#adopt(node, node.replica.marks.committed);
  }

  #adopt(node: ChainNode, committed: number): void {
    const isChosen = node === this.#chosen && node.isHead && node.cutting === undefined;
    if (!isChosen || node.replica.epoch < this.unclean) return;
    for (let offset = this.truth.length; offset < committed; offset += 1) {
      this.truth[offset] = node.log.records[offset] as ModelRecord;
    }
  }

  /** When all is well again: members are equal, what was answered is there, once. */
  atTheEnd(): void {
    const members = this.#store.config.members.map(({ id }) => this.#nodes[id] as ChainNode);
    const head = members[0] as ChainNode;
    for (const { log, name } of members) {
      if (log.start !== head.log.start) this.fail(`${name} begins at ${log.start}`);
      for (let offset = log.start; offset < head.log.end; offset += 1) {
        if (log.records[offset] !== head.log.records[offset]) {
          this.fail(`${name} differs from the head at ${offset}`);
        }
      }
    }
    for (const { offset, record } of this.#acknowledged) {
      if (offset >= head.log.start && head.log.records[offset] !== record) {
        this.fail(`acknowledged record ${offset} is lost`);
      }
    }
    this.#checkOnce(head);
  }

  #checkOnce({ log }: ChainNode): void {
    const seen = new Set<string>();
    for (const record of log.records) {
      if (record === undefined || record.producer === 0) continue;
      const key = `${record.producer}:${record.sequence}`;
      if (seen.has(key)) this.fail(`a duplicate of ${key}`);
      seen.add(key);
    }
  }
}
