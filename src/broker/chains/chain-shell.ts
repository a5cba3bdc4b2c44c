import { assert } from "../../base/assert.ts";
import type { Cancel } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { RefusalCode } from "../../replication/chain-effect.ts";
import type { ChainInput, LinkId, Peer } from "../../replication/chain-input.ts";
import type { ChainMessage } from "../../replication/chain-message.ts";
import { ChainReplica } from "../../replication/chain-replica.ts";
import type { RunningChain, StoredAsk } from "../cluster/replicas/running-chain.ts";
import type { ReplicaGovernor, ReplicaLog, ReplicaUse } from "../partition/replica/replica-log.ts";
import type { ChainHost } from "./chain-host.ts";
import type { Ticking } from "./chain-ticks.ts";
import { refusalReasons } from "./refusal-reasons.ts";
import { type EffectBytes, ReplicaEffects } from "./replica-effects.ts";
import { portsOf, rulesOf, startOf } from "./replica-start.ts";
import { StoredWaiters } from "./stored-waiters.ts";
import type { LoadedRead } from "./successor-reads.ts";

/** Inputs that came while another one was worked on: each effect brings one or two. */
const inputsPendingMax = 1_000;

interface Pending extends EffectBytes {
  readonly input: ChainInput;
}

/**
 * Runs one replica as its chain says: one owner and one queue, so that each input is worked off
 * with all its effects before the next (cluster.md, section 7).
 */
export class ChainShell implements RunningChain, ReplicaGovernor, Ticking {
  readonly #log: ReplicaLog;
  readonly #host: ChainHost;
  readonly #replica: ChainReplica;
  readonly #effects: ReplicaEffects;
  readonly #waiting: StoredWaiters;
  #stopListening = (): void => {};
  readonly #inputs: Pending[] = [];
  #settings: ReplicaLog["settings"];
  #isStepping = false;
  #isOver = false;

  constructor(log: ReplicaLog, host: ChainHost) {
    this.#log = log;
    this.#host = host;
    this.#settings = log.settings;
    this.#replica = new ChainReplica(startOf(log, host), portsOf(log, host), host.limits);
    this.#waiting = new StoredWaiters(this.#replica);
    this.#effects = new ReplicaEffects(log, host, {
      replica: this.#replica,
      feed: (input) => this.#feed(input),
      feedFirst: (input) => void this.#inputs.unshift({ input }),
      roomOpened: () => this.#drain(),
      refuseWaiting: (code) => this.#refuseWaiting(code),
      halt: (reason, cause) => this.#halt(reason, cause),
    });
  }

  /** From here on it is asked and told by its log. */
  begin(): void {
    this.#stopListening = this.#log.log.onAdvance(() => this.#noteLogStart());
    this.#log.govern(this);
  }

  get isServing(): boolean {
    return !this.#isOver && this.isHead();
  }

  get isReadable(): boolean {
    if (this.#isOver || this.isHead()) return false;
    return this.#replica.refusalOfRead(this.#host.clock.monotonicMs()) === undefined;
  }

  /** Not where another one is asked to go on instead, as it is for damage unless it is alone. */
  get knowsLatest(): boolean {
    const { role } = this.#replica;
    if (this.#isOver || (role !== "solo" && this.#log.unsoundFrom !== undefined)) return false;
    return this.#replica.knowsLatest(this.#host.clock.monotonicMs());
  }

  get isLeaving(): boolean {
    return this.#replica.isLeaving;
  }

  get logStartMax(): number {
    return this.#replica.logStartMax;
  }

  get epoch(): number {
    return this.#replica.epoch;
  }

  get memberCount(): number {
    return this.#replica.config?.members.length ?? 0;
  }

  whenStored(offset: number, how: StoredAsk, done: (error?: Error) => void): Cancel {
    const cancel = this.#waiting.add(offset, how, done);
    if (this.#isOver) this.#waiting.fail(this.#refused("NOT_LEADER_OR_FOLLOWER"));
    else if (how.durability === "fsync") {
      this.#effects.flush(offset);
      this.#feed({ kind: "flushAsked", offset });
    } else {
      // The log is to know what is acknowledged before it is flushed.
      this.#log.log.whenStored(Math.min(offset, this.#log.end), "os", () => {});
      this.#waiting.advance(this.#host.clock.monotonicMs());
    }
    return cancel;
  }

  whenDeleted(offset: number, done: (error?: Error) => void): Cancel {
    const cancel = this.#waiting.addDeleted(offset, done);
    if (this.#isOver) this.#waiting.fail(this.#refused("NOT_LEADER_OR_FOLLOWER"));
    else this.#waiting.advance(this.#host.clock.monotonicMs());
    return cancel;
  }

  configure(config: ChainConfig): void {
    this.#checkEpoch(config);
    this.#feed({ kind: "config", config });
    this.#host.onConfigured();
  }

  review(): void {
    this.#feed({ kind: "lease" });
  }

  close(): void {
    if (this.#isOver) return;
    this.#end();
    this.#failWaiting(this.#refused("NOT_LEADER_OR_FOLLOWER"));
  }

  /** Epochs do not go back, but for a coordinator that was restored from a backup. */
  #checkEpoch(config: ChainConfig): void {
    const lastEpoch = this.#log.epochEnds().at(-1)?.epoch ?? -1;
    const latest = Math.max(this.#replica.epoch, lastEpoch);
    if (config.epoch >= latest) return;
    const detail = `${this.#name} is of epoch ${latest}, its chain is at ${config.epoch}`;
    // No client's epoch is wrong: who appends is to ask for the head again, and not to give up.
    throw new XylemError("NOT_LEADER_OR_FOLLOWER", detail);
  }

  // What the node tells

  tick(): void {
    if (this.#isOver) return;
    this.#effects.retry();
    if (this.#effects.isHeldBack) this.#feed({ kind: "paced" });
    this.#take({ kind: "tick" });
  }

  get isQuiet(): boolean {
    return this.#isOver || (this.#effects.isIdle && this.#replica.isQuiet);
  }

  linkOpened(link: LinkId, peer: Peer): void {
    if (this.#effects.wants(peer.id)) this.#feed({ kind: "linkOpened", link, peer });
  }

  linkClosed(link: LinkId): void {
    this.#effects.linkClosed(link);
    this.#feed({ kind: "linkClosed", link });
  }

  deliver(link: LinkId, peer: Peer, message: ChainMessage, bytes?: Uint8Array): void {
    this.#feed({ kind: "message", link, peer, message }, { bytes });
  }

  /** Resolves once the log takes further messages; undefined: it does. */
  writable(): Promise<void> | undefined {
    return this.#isOver ? undefined : this.#log.log.writable();
  }

  /** A link that had none has room. */
  roomOpened(): void {
    this.#drain();
  }

  // What the log asks and tells

  refusal(use: ReplicaUse): XylemError | undefined {
    const nowMs = this.#host.clock.monotonicMs();
    if (this.#isOver) return this.#refused("NOT_LEADER_OR_FOLLOWER");
    const code =
      use === "append"
        ? this.#replica.refusalOfAppend(1, nowMs)
        : this.#replica.refusalOfRead(nowMs);
    return code && this.#refused(code);
  }

  isAlone(): boolean {
    return this.#replica.role === "solo";
  }

  isHead(): boolean {
    return this.#replica.role === "head" || this.#replica.role === "solo";
  }

  onAppended(_base: number, end: number): void {
    const appended = { kind: "appended", end } as const;
    if (this.#isStepping) this.#inputs.unshift({ input: appended });
    else this.#feed(appended);
  }

  onTakenBack(end: number): void {
    this.#feed({ kind: "takenBack", end });
  }

  onStored(written: number, flushed: number): void {
    this.#feed({ kind: "stored", written, flushed });
  }

  /** It serves on what it has, until the chain has gone on without it. */
  onDamaged(): void {
    if (!this.#isOver) this.#host.onUnfit();
  }

  onStopped(error: XylemError): void {
    this.#waiting.fail(error);
    this.#end();
    this.#host.onUnfit();
  }

  #noteLogStart(): void {
    const { marks } = this.#replica;
    const { logStart } = this.#log;
    // While the log is cut it says of itself what is not decided.
    if (marks.isCutting || logStart <= marks.logStart) return;
    this.#feed({ kind: "logStart", offset: logStart });
  }

  #feed(input: ChainInput, came: EffectBytes = {}): void {
    if (this.#isOver) return;
    this.#host.wake();
    this.#take(input, came);
  }

  #take(input: ChainInput, came: EffectBytes = {}): void {
    assert(this.#inputs.length < inputsPendingMax, "the inputs of a chain overran their bound");
    this.#inputs.push({ input, ...came });
    this.#drain();
  }

  #drain(): void {
    if (this.#isStepping || this.#isOver) return;
    this.#isStepping = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#step(next);
    } catch (error) {
      this.#halt(error instanceof Error ? error.message : String(error), error);
    } finally {
      this.#isStepping = false;
    }
  }

  #next(): Pending | undefined {
    if (this.#isOver) return undefined;
    const input = this.#inputs.shift();
    if (input !== undefined) return input;
    const loaded = this.#effects.takeLoaded();
    return loaded && this.#loaded(loaded);
  }

  #loaded({ wanted, next, records }: LoadedRead): Pending {
    const { link, session, offset } = wanted;
    this.#noteLogStart();
    const { sizeBytes } = records;
    const input = { kind: "loaded", link, session, offset, next, sizeBytes } as const;
    const read = { input, records };
    // What was deleted is known first.
    if (this.#inputs.length === 0) return read;
    this.#inputs.push(read);
    return this.#inputs.shift() as Pending;
  }

  #step(pending: Pending): void {
    const { settings } = this.#log;
    if (settings !== this.#settings) {
      this.#settings = settings;
      const input = { kind: "settings", ...rulesOf(settings) } as const;
      this.#perform({ input });
    }
    this.#perform(pending);
  }

  #perform(pending: Pending): void {
    const effects = this.#replica.step(pending.input, this.#host.clock.monotonicMs());
    this.#effects.perform(effects, pending);
    this.#waiting.advance(this.#host.clock.monotonicMs());
  }

  /** The log and its chain contradict each other, or this program itself. */
  #halt(reason: string, cause?: unknown): void {
    if (this.#isOver) return;
    const detail = `${this.#name} can not go on in its chain: ${reason}`;
    // It stops, and is told so by `onStopped`.
    this.#log.halt(new XylemError("KAFKA_STORAGE_ERROR", detail, { cause }));
    this.#end();
  }

  #refuseWaiting(code: RefusalCode): void {
    const error = this.#refused(code);
    if (code !== "NOT_ENOUGH_REPLICAS_AFTER_APPEND") return this.#failWaiting(error);
    this.#waiting.fail(error);
    this.#log.refuseCommits(error);
  }

  #failWaiting(error: XylemError): void {
    this.#waiting.fail(error);
    this.#log.failWaiters(error);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopListening();
    this.#inputs.length = 0;
    this.#effects.close();
    this.#host.onEnded();
  }

  #refused(code: RefusalCode): XylemError {
    return new XylemError(code, `${this.#name}: ${refusalReasons[code]}`);
  }

  get #name(): string {
    return `${this.#log.log.topic}-${this.#log.log.index}`;
  }
}
