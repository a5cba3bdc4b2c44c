import type { Uuid } from "../../base/uuid.ts";
import type { ChainMessage } from "../../replication/chain-message.ts";
import type { ReadLease } from "../partition/partition-log.ts";

/**
 * What the broker needs of links between the nodes of a cluster (cluster.md, section 3): one
 * authenticated connection per pair of nodes, messages in order, bytes bounded both ways.
 *
 * Listeners are called one at a time and never from within a call of this port by their own node,
 * so that a state machine may be stepped from each of them. They must not throw.
 */
export interface PeerLinks {
  /**
   * Keeps a link to this node from now on: dials it, and dials again with back-off when it is lost.
   * A link stays while either side wants it. Wanting twice is wanting once.
   */
  want(nodeId: number): void;
  /** The link ends, gracefully, when the other side does not want it either. */
  unwant(nodeId: number): void;
  /** The open link to this node. */
  find(nodeId: number): PeerLink | undefined;
  /** After both sides have proved the cluster's secret. Answers what takes the listener off. */
  onOpened(listener: (link: PeerLink) => void): () => void;
  /** What one frame brought, in the order it was sent; of one link after its `onOpened`. */
  onMessages(listener: PeerMessageListener): () => void;
  /** Once for each link that was opened. Whatever was under way may have arrived or not. */
  onClosed(listener: (link: PeerLink) => void): () => void;
  /**
   * The machine of a node that was dialed says that nobody listens where this life of it is
   * registered: its process is gone, or something on the way answers in its stead. Told each time,
   * as long as a link to it is wanted.
   */
  onGone(listener: (peer: PeerIdentity) => void): () => void;
  /**
   * A question with one answer; links to nodes that nobody wants are opened for it, and a call to
   * this node itself is answered here. `body` must not change until the promise settles; it takes
   * up room on the link until then. Rejects
   * BROKER_NOT_AVAILABLE: it surely was not asked; NETWORK_EXCEPTION, REQUEST_TIMED_OUT: nobody
   * knows; THROTTLING_QUOTA_EXCEEDED: too many are under way; else what the other side threw.
   */
  call(nodeId: number, name: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /**
   * Answers calls of this name. What it throws as XylemError reaches the caller as such; anything
   * else is logged here and is UNKNOWN_SERVER_ERROR there.
   */
  serve(name: string, handler: PeerCallHandler): void;
}

export type PeerCallHandler = (from: PeerIdentity, body: Uint8Array) => Promise<Uint8Array>;

/** The bytes of messages are the listener's to keep, and to be read only. */
export type PeerMessageListener = (
  link: PeerLink,
  messages: readonly PeerMessage[],
  delivery: PeerDelivery,
) => void;

/** A node in one life. */
export interface PeerIdentity {
  readonly id: number;
  /** 22 characters of base64url, random at each start. */
  readonly incarnation: string;
}

/** One connection: from its `onOpened` to its `onClosed` it is the same object. */
export interface PeerLink {
  readonly peer: PeerIdentity;
  readonly isOpen: boolean;
  /** Whether something came from the other side within the last two or three signs of life. */
  readonly isHeard: boolean;
  /**
   * Sends in order, with all else that is sent in this turn. Nothing happens on a closed link.
   * `bytes` go by reference: they must not change until `lease` is released, which happens when
   * the system has taken them, and never when the link is lost before.
   * Record bytes need room: who sends on without ever finding any has the link closed.
   */
  send(message: PeerMessage, bytes?: readonly Uint8Array[], lease?: ReadLease): void;
  /** Bytes sent that the other side has not taken yet. */
  readonly inFlightBytes: number;
  /** Of all frames since it was opened. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Whether the other side takes further record bytes. Messages without any need no room. */
  readonly hasRoom: boolean;
  /** Each time there is room after there was none. Answers what takes the listener off. */
  onRoom(listener: () => void): () => void;
  /** What was sent before still goes out; nothing is delivered any more. */
  close(): void;
}

/** A message about one partition. */
export interface PeerMessage {
  readonly topicId: Uuid;
  readonly partition: number;
  readonly message: ChainMessage;
  /** Whole record batches of an Append that was received; absent on others. */
  readonly bytes?: Uint8Array;
}

/** The other side of flow control: a frame counts as taken once its listeners have returned. */
export interface PeerDelivery {
  /** Not taken yet: the sender's room stays used until the returned function is called. */
  hold(): () => void;
}

/** Where a node is dialed, as its key in the coordinator says. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
  readonly incarnation: string;
}
