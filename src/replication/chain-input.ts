import type { ChainConfig } from "./chain-config.ts";
import type { ChainMessage } from "./chain-message.ts";
import type { Member } from "./member.ts";
import type { ReplicaDurability } from "./replica-marks.ts";

/** A node in one life, as a connection has proved it. */
export type Peer = Pick<Member, "id" | "incarnation">;

/** A number that the shell gives each connection; none gets one again. */
export type LinkId = number;

/**
 * What happens to a replica. The shell feeds each in the turn in which it happened, in order; what
 * comes of an effect within its own call, `appended` and `refused`, before anything else.
 */
export type ChainInput =
  /** The image has this configuration; older ones than the last are left aside. */
  | { readonly kind: "config"; readonly config: ChainConfig }
  /** The lease was granted, or the image has reached it: what waited for that can go on. */
  | { readonly kind: "lease" }
  | {
      readonly kind: "settings";
      readonly durability: ReplicaDurability;
      readonly minInsyncReplicas: number;
    }
  /** Batches were appended, by clients here or from the predecessor. */
  | { readonly kind: "appended"; readonly end: number }
  /** The disk was full: what was not written, of a log that nobody follows, never happened. */
  | { readonly kind: "takenBack"; readonly end: number }
  /**
   * What an `appendReplicated` brought did not check, or found no room; the log is as it was.
   * `beginsAt`: it begins there, below this log's end.
   */
  | { readonly kind: "refused"; readonly isFull: boolean; readonly beginsAt?: number }
  /** A write or a flush has ended. */
  | { readonly kind: "stored"; readonly written: number; readonly flushed: number }
  /** Records below it are deleted, durably. */
  | { readonly kind: "logStart"; readonly offset: number }
  /** A `truncate` or a `restart` is done, durably; the log is as it says here. */
  | {
      readonly kind: "truncated";
      readonly logStart: number;
      readonly end: number;
      readonly written: number;
      readonly flushed: number;
    }
  /** At a head: what is below it is wanted on every disk. */
  | { readonly kind: "flushAsked"; readonly offset: number }
  /** A `read` is done: the batches of [offset, next) are at hand. */
  | {
      readonly kind: "loaded";
      readonly link: LinkId;
      readonly session: number;
      readonly offset: number;
      readonly next: number;
      readonly sizeBytes: number;
    }
  /** What a joiner is to be sent waits for its turn: it is not to blame that it stands still. */
  | { readonly kind: "paced" }
  /** A wanted node is connected; told at once after `want` if it is already. */
  | { readonly kind: "linkOpened"; readonly link: LinkId; readonly peer: Peer }
  | { readonly kind: "linkClosed"; readonly link: LinkId }
  | {
      readonly kind: "message";
      readonly link: LinkId;
      readonly peer: Peer;
      readonly message: ChainMessage;
    }
  /** Several times in each `retryMs`. */
  | { readonly kind: "tick" };
