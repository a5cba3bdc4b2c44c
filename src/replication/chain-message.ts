import type { EpochEnd } from "./epoch-table.ts";

/**
 * What two neighbours of a chain say to each other about one partition (cluster.md, 3 and 4).
 * A session is one handshake on one connection in one epoch; what is not of the current one counts
 * for nothing, however late or often it comes.
 */
export type ChainMessage = Hello | HelloOk | Append | Ack | Reject;

interface InSession {
  /** The sender's chain epoch. */
  readonly epoch: number;
  /** Chosen by the successor for each Hello, never twice by one incarnation of a node. */
  readonly session: number;
}

/**
 * From a successor, or from the first joiner to the tail: what its log is. Which node it is, in
 * which incarnation, the connection has proved.
 */
export interface Hello extends InSession {
  readonly kind: "hello";
  readonly logStart: number;
  readonly end: number;
  /** The newest epochs that its log has records of, ascending; `epochsInHelloMax` at most. */
  readonly epochs: readonly EpochEnd[];
}

/** More epochs than a log has between two looks of its replicas; a longer table is cut in front. */
export const epochsInHelloMax = 1_000;

/** The predecessor has taken the successor on; it sends records once it has had an Ack. */
export interface HelloOk extends InSession {
  readonly kind: "helloOk";
  /** Below it both logs are equal; the successor ends there, or begins there anew. */
  readonly common: number;
  /**
   * The epoch by which that was found; the chain's: the successor has all from its predecessor;
   * -1: none.
   */
  readonly commonEpoch: number;
  readonly committed: number;
  /** Of a compacted log, where the successor is to go back: the newest epochs with records here. */
  readonly epochs?: readonly EpochEnd[];
}

/** Batches of the offsets [base, next), which travel beside it; none when both are equal. */
export interface Append extends InSession {
  readonly kind: "append";
  readonly base: number;
  readonly next: number;
  readonly committed: number;
  /** The head's log start. */
  readonly logStart: number;
  /** The head wants what is below it on every disk, whatever the topic's durability; 0: nothing. */
  readonly flush: number;
  /** The head, with its lease, has spoken since the last message: who hears it is not stale. */
  readonly isFresh: boolean;
}

/** What the sender and all behind it have; it grows within a session. */
export interface Ack extends InSession {
  readonly kind: "ack";
  readonly written: number;
  readonly flushed: number;
  /** They have deleted what is below it. */
  readonly logStart: number;
  /** The greatest log start among them: a head has ordered it, this one or one before it. */
  readonly logStartMax: number;
  /** What the sender itself has: tells a slow replica from one with a slow one behind it. */
  readonly ownWritten: number;
  readonly ownFlushed: number;
}

/**
 * There is no such session here. The sender's epoch is a hint to look at the coordinator, no more.
 */
export interface Reject extends InSession {
  readonly kind: "reject";
}

export function carriesRecords(message: ChainMessage): boolean {
  return message.kind === "append" && message.next > message.base;
}
