import type { ChainConfig, ChainRole } from "./chain-config.ts";
import type { ChainEffect } from "./chain-effect.ts";
import type { Peer } from "./chain-input.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { ReplicaDurability, ReplicaMarks } from "./replica-marks.ts";

/** A log as it was opened. `committed`: what a former life knew of it, at most what it flushed. */
export interface ReplicaStart {
  /** This node in this life. */
  readonly member: Peer;
  readonly logStart: number;
  readonly end: number;
  readonly committed: number;
  readonly written: number;
  readonly flushed: number;
  readonly durability: ReplicaDurability;
  readonly minInsyncReplicas: number;
}

/** What a replica asks while it is stepped. */
export interface ReplicaPorts {
  /** Whether the replica may act for its chain at this moment of the node's monotonic clock. */
  readonly lease: { holds(nowMs: number): boolean };
  /** The epochs that the log has, or had, records of, ascending, up to its end. */
  epochs(): readonly EpochEnd[];
  /** Where the batch begins that holds the log start, or would; undefined: not known yet. */
  begin(): number | undefined;
  /** Records go, or went, by key: epochs may have lost theirs here and not elsewhere. */
  mayHaveGaps(): boolean;
  /** A number that this incarnation of the node has used for no session yet. */
  nextSession(): number;
}

export interface ReplicaLimits {
  /** A neighbour that stands still for longer is reported; reads of a replica are no staler. */
  readonly lagTimeMaxMs: number;
  /** When what had no answer is said again. */
  readonly retryMs: number;
  /** Record bytes of one session that the successor has not written yet. */
  readonly windowBytesMax: number;
  /** Record bytes of one Append. */
  readonly appendBytesMax: number;
}

/** What the parts of a replica share. */
export interface ReplicaCore {
  readonly member: Peer;
  readonly marks: ReplicaMarks;
  readonly ports: ReplicaPorts;
  readonly limits: ReplicaLimits;
  readonly nowMs: number;
  readonly epoch: number;
  readonly config: ChainConfig | undefined;
  readonly role: ChainRole;
  /** What the head has last said, or this head says. */
  readonly orders: HeadOrders;
  emit(effect: ChainEffect): void;
  halt(reason: string): void;
}

/** What goes down the chain from its head, besides records and what is committed. */
export interface HeadOrders {
  logStart: number;
  flush: number;
  /** How often the head was heard to be the head. */
  freshCount: number;
}
