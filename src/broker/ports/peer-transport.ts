/**
 * Connections that links between nodes run on: streams of bytes, in order, that may be cut at any
 * moment. Real ones are TCP sockets; simulated ones delay, block and cut as a seed says.
 */
export interface PeerTransport {
  /** Answers at once; `opened`, or `closed` with the reason, tells how it went. */
  dial(place: { readonly host: string; readonly port: number }): PeerSocket;
}

/** Time for the other side to take what was written before a connection is cut. */
export const closeLingerMs = 1_000;

/** One end of a connection. */
export interface PeerSocket {
  /** The other end, for log lines. */
  readonly remote: string;
  /** Who hears of it from now on; in the same turn as the dial, or as it was accepted, at first. */
  attach(events: PeerSocketEvents): void;
  /**
   * Sends in order, by reference: the chunks must not change before `onSent`, which is never called
   * when the connection is lost before the system has taken them all.
   */
  write(chunks: readonly Uint8Array[], onSent?: () => void): void;
  /**
   * What was written still goes out; `closed` follows when the other side has hung up too, or has
   * let `closeLingerMs` pass.
   */
  end(): void;
  /** Cuts the connection; `closed` follows. */
  destroy(): void;
}

/** Called one at a time, never from within a call of the socket. */
export interface PeerSocketEvents {
  /** A dialed connection stands. */
  opened(): void;
  /** The bytes are the receiver's to keep. */
  received(bytes: Uint8Array): void;
  /**
   * Once, and nothing after it. `isNobodyThere`: a dial that the other machine refused, since no
   * process listens at that address.
   */
  closed(reason: string, isNobodyThere?: boolean): void;
}
