import { joinBytes } from "../../base/bytes.ts";
import type { PeerIdentity } from "../../broker/ports/peer-links.ts";
import type { PeerLimits, Refusal, VersionRange } from "./handshake-messages.ts";

/** Whose handshakes these are. */
export interface HandshakeSelf {
  readonly identity: PeerIdentity;
  readonly clusterId: string;
  readonly limits: PeerLimits;
  /** From `derivePeerKey`. */
  readonly key: Uint8Array;
  readonly versions: VersionRange;
  /**
   * A proved peer asks for the link of this pair. Called on the side with the lower id alone, which
   * so decides which of several connections it is: each is numbered higher than those before.
   */
  readonly arbitrate: (peer: PeerIdentity) => Verdict;
}

export type Verdict = { readonly turn: number } | { readonly refusal: Refusal };

/** What both sides know when it is done. */
export interface Agreed {
  readonly peer: PeerIdentity;
  readonly version: number;
  /** The other side's. */
  readonly limits: PeerLimits;
  /** The number of this link among those of the pair, as the lower id counts them. */
  readonly turn: number;
  /** What came after the last message of the handshake. */
  readonly rest: Uint8Array;
}

/** What is to be done after bytes came in. */
export interface HandshakeStep {
  readonly send: readonly Uint8Array[];
  readonly agreed?: Agreed;
  /** The connection is to be closed, after what is to be sent; for the log. */
  readonly failure?: string;
}

export const secretDiffers = "is cluster.secret the same on both?";

/** Bytes of a handshake that have come in and are no whole message yet. */
export class HandshakeInput {
  #bytes: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : joinBytes([this.#bytes, chunk]);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  drop(sizeBytes: number): void {
    this.#bytes = this.#bytes.subarray(sizeBytes);
  }
}

const explanations: Readonly<Record<Refusal, string>> = {
  version: "no version of the protocol between nodes is common to both",
  cluster: "the two belong to different clusters",
  id: "the node that was dialed has another id",
  itself: "a node dialed its own id",
  incarnation: "another process is registered under the id of the node that dialed",
  stopping: "the node that was dialed stops",
};

export function explain(refusal: Refusal): string {
  return explanations[refusal];
}
