import type { ChainConfig } from "../../../src/replication/chain-config.ts";
import type { ChainEffect, ReplicaAsk } from "../../../src/replication/chain-effect.ts";
import type { ChainInput } from "../../../src/replication/chain-input.ts";
import type { ChainMessage } from "../../../src/replication/chain-message.ts";
import { ChainReplica } from "../../../src/replication/chain-replica.ts";
import { isInForce, leaseHoldsUntil, type Standing } from "../../../src/replication/lease-term.ts";
import { sameMember, type Member } from "../../../src/replication/member.ts";
import type { Waiting } from "./chain-client.ts";
import { limits, ttlMs } from "./chain-times.ts";
import type { World } from "./chain-world.ts";
import { ModelLog, type Slice } from "./model-log.ts";
import type { Parcel, Wire } from "./wire.ts";

interface PendingRead {
  readonly link: number;
  readonly session: number;
  readonly offset: number;
  readonly countMax: number;
}

type Cut = Extract<ChainEffect, { kind: "truncate" | "restart" }>;

const nothing: Slice = { records: [], gone: new Set() };

const noLease: Standing = { holdsUntilMs: -Infinity, sinceRevision: Infinity };

/** A node: a real replica on a modelled log, lease and clock. */
export class ChainNode {
  readonly id: number;
  readonly log = new ModelLog();
  /** How fast its clock runs. */
  readonly rate: number;
  isUp = false;
  /** It does not reach the coordinator. */
  isAway = false;
  lineage = "";
  member: Member = { id: -1, incarnation: "", lineage: "" };
  replica!: ChainReplica;
  #standing: Standing = noLease;
  /** The history that its image has reached. */
  imageRevision = -1;
  checkpoint = 0;
  /** What its readers have seen. */
  shown = 0;
  readonly wanted = new Set<number>();
  reads: PendingRead[] = [];
  cutting: Cut | undefined;
  startWanted = 0;
  #lives = 0;
  #keepAlive: { sent: number; isAnswered: boolean } | undefined;
  /** A lease was granted at this revision, and the answer has not come, or was lost. */
  #grantedAt: number | undefined;
  #waiting: Waiting[] = [];
  #loaded = new Map<string, Slice>();
  #carried = nothing;
  #inputs: ChainInput[] = [];
  #isStepping = false;
  /** Something has happened since it was last told of the time. */
  #isAwake = true;
  #tickedMs = 0;
  readonly #world: World;

  constructor(world: World, id: number, rate: number) {
    this.#world = world;
    this.id = id;
    this.rate = rate;
  }

  get name(): string {
    return `${"ABCDEFGH"[this.id]}${this.member.incarnation}`;
  }

  get durability(): "os" | "fsync" {
    return this.#world.durability;
  }

  get minInsyncReplicas(): number {
    return this.#world.minInsyncReplicas;
  }

  /** Compaction takes records out. */
  get isCompacted(): boolean {
    return this.#world.isCompacted;
  }

  get isHead(): boolean {
    return this.replica.role === "head" || this.replica.role === "solo";
  }

  get isMember(): boolean {
    return this.replica.role !== "joiner" && this.replica.role !== "outsider";
  }

  get localNow(): number {
    return this.#world.store.now * this.rate;
  }

  /** A new life. */
  start(committed: number): void {
    const { log } = this;
    this.isUp = true;
    this.#lives += 1;
    this.member = { id: this.id, incarnation: String(this.#lives), lineage: this.lineage };
    this.#standing = noLease;
    this.#keepAlive = undefined;
    this.#grantedAt = undefined;
    this.imageRevision = -1;
    this.shown = committed;
    this.startWanted = log.start;
    this.cutting = undefined;
    this.#inputs = [];
    this.#forget();
    const { start: logStart, end, written, flushed } = log;
    const { durability, minInsyncReplicas, member } = this;
    const at = { member, logStart, end, committed, written, flushed };
    let sessions = 0;
    const ports = {
      lease: {
        holds: (nowMs: number) =>
          isInForce(this.#standing, { nowMs, imageRevision: this.imageRevision }),
      },
      epochs: () => log.epochs(),
      begin: () => log.start,
      mayHaveGaps: () => this.isCompacted,
      nextSession: () => (sessions += 1),
    };
    this.replica = new ChainReplica({ ...at, durability, minInsyncReplicas }, ports, limits);
    this.#world.say(`${this.name} starts, end ${end}, remembers committed ${committed}`);
    this.#world.judge.started(this, committed);
  }

  stop(): void {
    this.isUp = false;
    this.checkpoint = Math.min(this.shown, this.log.flushed);
    this.#forget();
  }

  #forget(): void {
    this.wanted.clear();
    this.reads = [];
    this.#waiting = [];
    this.#loaded.clear();
  }

  // The coordinator

  /** One keep-alive is sent, reaches the coordinator, is answered: a phase at a time. */
  keepAlive(): void {
    const { store } = this.#world;
    const keepAlive = this.#keepAlive;
    if (keepAlive === undefined) {
      this.#keepAlive = { sent: this.localNow, isAnswered: false };
    } else if (this.isAway) this.#keepAlive = undefined;
    else if (!keepAlive.isAnswered) {
      keepAlive.isAnswered = true;
      if (store.keepAlive(this.id, this.member, ttlMs)) this.#grantedAt = store.revision;
    } else this.#renew(keepAlive.sent);
  }

  #renew(sent: number): void {
    this.#keepAlive = undefined;
    const until = leaseHoldsUntil(sent, ttlMs);
    const { holdsUntilMs, sinceRevision } = this.#standing;
    this.#standing =
      this.#grantedAt === undefined
        ? { holdsUntilMs: Math.max(holdsUntilMs, until), sinceRevision }
        : { holdsUntilMs: until, sinceRevision: this.#grantedAt };
    this.#grantedAt = undefined;
    this.feed({ kind: "lease" });
  }

  /** Its image takes in the next change, or all there are. */
  watch(isAll: boolean): void {
    const { store, judge } = this.#world;
    if (this.isAway || this.imageRevision >= store.revision) return;
    this.imageRevision = isAll ? store.revision : this.imageRevision + 1;
    const config = store.history[this.imageRevision] as ChainConfig;
    const { epoch } = this.replica;
    this.feed({ kind: "config", config });
    if (config.epoch === epoch) return;
    this.#world.say(`${this.name} is ${this.replica.role} in epoch ${config.epoch}`);
    judge.adopted(this);
  }

  // Clients

  refuses(acks: number): boolean {
    return !this.isUp || this.replica.refusalOfAppend(acks, this.localNow) !== undefined;
  }

  wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  answer(upTo: number): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ offset }) => offset < upTo);
    this.#waiting = this.#waiting.filter(({ offset }) => offset >= upTo);
    for (const waiting of ready) this.#world.judge.acknowledged(this, waiting);
  }

  append(producer: number, sequence: number): void {
    const id = Number(this.#world.fresh());
    this.log.append({ epoch: this.replica.epoch, id, producer, sequence });
    this.feed({ kind: "appended", end: this.log.end });
  }

  // The log

  /** A write has ended, perhaps in the middle of what was there to write. */
  write(offset: number): void {
    if (this.cutting !== undefined) return;
    this.log.write(offset);
    this.#stored();
  }

  flush(): void {
    if (this.cutting !== undefined) return;
    this.log.flush();
    this.#stored();
  }

  #stored(): void {
    const { written, flushed } = this.log;
    this.feed({ kind: "stored", written, flushed });
  }

  /** A truncation under way is done. */
  finishCut(): void {
    if (this.cutting === undefined) return;
    const { kind, offset } = this.cutting;
    this.cutting = undefined;
    if (kind === "truncate") this.log.truncate(offset);
    else this.log.restart(offset);
    this.startWanted = this.log.start;
    const { start: logStart, end, written, flushed } = this.log;
    this.feed({ kind: "truncated", logStart, end, written, flushed });
    this.shown = this.replica.marks.committed;
  }

  /** Deletes what the head has deleted, or was asked to. */
  deleteRecords(): void {
    const offset = Math.min(this.startWanted, this.shown);
    if (this.cutting !== undefined || offset <= this.log.start) return;
    this.#world.judge.deleting(this, offset);
    this.log.moveStart(offset);
    this.feed({ kind: "logStart", offset: this.log.start });
  }

  /** What others may not hold, or a crash may take, compaction leaves alone. */
  compact(from: number, to: number): void {
    if (this.cutting !== undefined) return;
    const end = Math.min(to, this.shown, this.log.flushed);
    for (let offset = from; offset < end; offset += 1) this.log.compact(offset);
  }

  /** The records for a successor are at hand. */
  load(read: PendingRead, count: number): void {
    this.reads = this.reads.filter((one) => one !== read);
    const { link, session, offset } = read;
    const slice = this.log.slice(offset, offset + Math.min(count, read.countMax));
    this.#loaded.set(`${link}/${session}`, slice);
    const sizeBytes = slice.records.length;
    this.feed({ kind: "loaded", link, session, offset, next: offset + sizeBytes, sizeBytes });
  }

  // The replica

  deliver(wire: Wire, { message, slice }: Parcel): void {
    this.#carried = slice;
    const { peer } = wire.otherEnd(this.id);
    this.#world.say(`${this.name} <- ${"ABCDEFGH"[peer.id]}: ${show(message)}`);
    if (message.kind === "ack") this.#world.judge.heard(this, peer, message.epoch);
    this.feed({ kind: "message", link: wire.link, peer, message });
  }

  /** A quiet one is told seldom. */
  tick(): void {
    const isDue = this.localNow - this.#tickedMs >= limits.lagTimeMaxMs / 8;
    if (!this.#isAwake && this.replica.isQuiet && !isDue) return;
    this.feed({ kind: "tick" });
    this.#isAwake = false;
    this.#tickedMs = this.localNow;
  }

  feed(input: ChainInput): void {
    this.#isAwake = true;
    this.#inputs.push(input);
    if (this.#isStepping || !this.isUp) return;
    this.#isStepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      for (const effect of this.replica.step(next, this.localNow)) this.#perform(effect);
    }
    this.#isStepping = false;
  }

  #perform(effect: ChainEffect): void {
    switch (effect.kind) {
      case "want":
        return void this.wanted.add(effect.nodeId);
      case "unwant":
        return void this.wanted.delete(effect.nodeId);
      case "send":
        return this.#send(effect.link, effect.message);
      case "read":
        return void this.reads.push({ ...effect, countMax: effect.sizeBytesMax });
      case "appendReplicated":
        return this.#appendReplicated(effect.base);
      case "truncate":
      case "restart":
        return this.#cut(effect);
      case "commit":
        return this.#commit(effect.offset);
      case "moveLogStart":
        this.startWanted = Math.max(this.startWanted, effect.offset);
        return undefined;
      case "ask":
        this.#world.say(`${this.name} ${showAsk(effect.ask)}`);
        return this.#world.controllers.hear(this, effect.ask);
      case "refuseWaiting":
        if (this.#waiting.length > 0) this.#world.say(`${this.name} refuses: ${effect.code}`);
        this.#waiting = [];
        return undefined;
      case "lookAgain":
        return this.#world.chance.is(0.5) ? this.watch(true) : undefined;
      case "halt":
        return this.#world.judge.fail(`${this.name} stops: ${effect.reason}`);
      // Both happen by themselves here.
      case "beginEpoch":
      case "flush":
        return undefined;
    }
  }

  #send(link: number, message: ChainMessage): void {
    const wire = this.#world.findWire(link);
    const carries = message.kind === "append" && message.next > message.base;
    const slice = (carries && this.#loaded.get(`${link}/${message.session}`)) || nothing;
    if (carries && slice.records.length !== message.next - message.base) {
      this.#world.judge.fail(`${this.name} sends other records than it read`);
    }
    wire?.send(this.id, { message, slice });
  }

  #appendReplicated(base: number): void {
    if (base !== this.log.end) this.#world.judge.fail(`a gap at ${base} in ${this.name}`);
    this.log.appendAll(this.#carried);
    this.#inputs.unshift({ kind: "appended", end: this.log.end });
  }

  #cut(cut: Cut): void {
    const { log } = this;
    this.#world.say(`${this.name} cuts ${log.end} to ${cut.offset} (${cut.kind})`);
    this.#world.judge.truncating(this, cut.offset);
    this.shown = Math.min(this.shown, cut.offset);
    this.cutting = cut;
  }

  #commit(offset: number): void {
    this.#world.judge.committed(this, this.shown, offset);
    if (this.isHead) this.#world.say(`${this.name} commits ${offset} in ${this.replica.epoch}`);
    this.shown = offset;
    if (this.isHead) this.answer(offset);
  }

  /** Whether it is the node of this life. */
  isMemberOf(config: ChainConfig): boolean {
    return this.isUp && config.members.some((member) => sameMember(member, this.member));
  }
}

function showAsk(ask: ReplicaAsk): string {
  if (ask.kind === "handOver") return `has handed over, epoch ${ask.epoch}`;
  if (ask.kind === "append")
    return `asks to append ${"ABCDEFGH"[ask.joiner.id]}, epoch ${ask.epoch}`;
  if (ask.kind === "fenced") return `has a newer log, epoch ${ask.epoch}`;
  const how = ask.isReachable ? "stands still" : "is out of reach";
  return `reports that ${"ABCDEFGH"[ask.stalled.id]} ${how}, epoch ${ask.epoch}`;
}

function show(message: ChainMessage): string {
  const { kind, epoch, session } = message;
  const more = {
    hello: () => (message.kind === "hello" ? `end ${message.end}` : ""),
    helloOk: () => (message.kind === "helloOk" ? `common ${message.common}` : ""),
    append: () => (message.kind === "append" ? `${message.base}..${message.next}` : ""),
    ack: () => (message.kind === "ack" ? `${message.written}/${message.flushed}` : ""),
    reject: () => "",
  };
  return `${kind} e${epoch} s${session} ${more[kind]()}`;
}
