import type { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { EpochRange } from "../../../log/leader-epochs.ts";
import type { PartitionLog, ReadOptions, ReadResult } from "../partition-log.ts";

/**
 * What says how a chain uses a log. Its methods are called in the turn in which something happened
 * and must not throw; they may call the log's in turn.
 */
export interface ReplicaGovernor {
  /** Why a door may not append to, or read from, this replica now; undefined: it may. */
  refusal(use: ReplicaUse): XylemError | undefined;
  /**
   * Nobody else has, or may be about to have, what is appended here: when the disk is full it may
   * be taken back. Else the replica stops: what a successor has does not go away.
   */
  isAlone(): boolean;
  /** It runs retention; other replicas follow its log start. */
  isHead(): boolean;
  /** Batches were appended, here or from the predecessor, and can be read for a successor. */
  onAppended(base: number, end: number): void;
  /** The disk was full, and nobody else has it: nothing was appended from `end` on. */
  onTakenBack(end: number): void;
  /** `written` or `flushed` grew. */
  onStored(written: number, flushed: number): void;
  /** Some of what is stored does not check; told again with each damage that is found. */
  onDamaged(): void;
  /** The replica can not be used any more; told once. */
  onStopped(error: XylemError): void;
}

export type ReplicaUse = "append" | "read";

/**
 * A log of which a chain says what is committed. Until `govern` is called doors are refused with
 * NOT_LEADER_OR_FOLLOWER; committed is then what a former life remembered.
 *
 * logStart <= committed <= held <= end; only `truncate` and `restartAt`, of which one goes on at a
 * time, move any of them down.
 */
export interface ReplicaLog {
  /** The same partition as doors see it. */
  readonly log: PartitionLog;
  /** Of its topic; others are another object. */
  readonly settings: TopicSettings;
  /** Compaction takes records out, or once did; here or where they come from. */
  readonly mayHaveGaps: boolean;
  /** The next offset to be appended. */
  readonly end: number;
  readonly logStart: number;
  /**
   * Where the batch begins that holds the log start, which may divide one; undefined: it is being
   * looked up, to be asked again.
   */
  readonly begin: number | undefined;
  readonly committed: number;
  /** What this replica has as durably as the topic asks. */
  readonly held: number;
  /** In the page cache. */
  readonly written: number;
  /** On the disk. */
  readonly flushed: number;
  /**
   * What a former life knew as committed, as far as it is still here: at most what was flushed then
   * (`replication-offset-checkpoint`, in Kafka's format).
   */
  readonly rememberedCommitted: number;
  /**
   * What was flushed and committed and not here any more at the start ends there; 0: all was here.
   */
  readonly lostUpTo: number;
  /**
   * What was cut off at the start was more than a write that had begun, as all is that a killed
   * process leaves: a crash of the machine, or a flush that failed, took pages with it.
   */
  readonly hasLostPages: boolean;
  /**
   * What is stored from here on is not to be relied on: it is damaged, or the disk failed before it
   * was flushed. Undefined: as far as is known all is sound.
   */
  readonly unsoundFrom: number | undefined;
  /** It was halted, as by `halt`: what it has may be right, and its chain wrong. */
  readonly isHalted: boolean;

  /**
   * It stopped in this epoch because its disk had no room for what the chain was sent: what is
   * written is sound, what is not others may have.
   */
  readonly fullInEpoch: number | undefined;

  /** From here on doors are let in as the governor says. Another one takes its place. */
  govern(governor: ReplicaGovernor): void;
  /**
   * Appends are stamped with it from here on; it enters the epoch table with its first record only
   * (KIP-101). Throws FENCED_LEADER_EPOCH when the log has records of a later one.
   */
  beginEpoch(epoch: number): void;
  /** committed := min(offset, held); it never falls. */
  commit(offset: number): void;
  /** Fails whoever waits for what is to be committed; what this replica is to hold it will. */
  refuseCommits(error: XylemError): void;
  /** Fails whoever waits for what is to be committed or held: the chain answers him no more. */
  failWaiters(error: XylemError): void;

  /**
   * Nothing is appended or read any more: the log and its chain contradict each other. As any stop
   * it is told to the governor, and lasts until the partition is opened anew.
   */
  halt(error: XylemError): void;

  /**
   * Appends whole batches as the predecessor has them, offsets and epochs assigned, sums and times
   * untouched; `next` is the offset that follows them there, past the last batch only where
   * compaction left a gap. The caller gives the bytes away. Throws with nothing taken:
   * CORRUPT_MESSAGE (a sum, a cut batch), OFFSET_MISMATCH (they do not begin at `end`, or leave
   * out offsets that a log which was never compacted has), FENCED_LEADER_EPOCH (an epoch below
   * the last one, or above the current), DISK_FULL. Never waits: past the backlog's bound the
   * caller waits for `log.writable`.
   */
  appendReplicated(batches: Uint8Array, next: number): void;
  /**
   * Stored or queued batches from the one that holds `offset` on, committed or not, below
   * `options.upTo`; from `begin` on. As PartitionLog.read; nothing is read at `end`.
   */
  readForSuccessor(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult>;
  /** Which epochs have records here, oldest first, and where each ends. */
  epochEnds(): readonly EpochRange[];

  /**
   * Everything at or above `offset` goes, and a batch that it divides: records, index entries,
   * epochs, states of producers, who waits for it (NOT_LEADER_OR_FOLLOWER). Durable when it
   * resolves; a crash before leaves the log as it was or as it is to be. Appends are refused
   * meanwhile. Throws OFFSET_OUT_OF_RANGE below the log start, DISK_FULL with nothing changed;
   * after any other failure the replica has stopped.
   */
  truncate(offset: number): Promise<void>;
  /**
   * As `truncate`, from its log start at the least; files that hold what goes stay beside it, as
   * `….log.damaged`, until `forgetSetAside`.
   */
  truncateUnsound(offset: number): Promise<void>;
  forgetSetAside(): Promise<void>;
  /** As `truncate`, of the whole log: the next record gets `offset`, where the log starts. */
  restartAt(offset: number): Promise<void>;
  /**
   * The head's log start: records below it go (retention, DeleteRecords). Never above committed:
   * what is beyond is for a later call. Durable when it resolves.
   */
  moveLogStart(offset: number): Promise<void>;
}
