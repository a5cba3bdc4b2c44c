import type { Cancel, Clock } from "../base/clock.ts";
import type { OutgoingCalls } from "./calls/outgoing-calls.ts";
import type { Handshaking } from "./handshake/handshaking.ts";
import type { PeerConnection } from "./peer-connection.ts";

/** How long a link that only calls wanted stays after the last of them, or a lost one is sought. */
const lingerMs = 10_000;

/** What this node knows of one other: at most one link, or one dial, or one wait before it. */
export class PeerPlace {
  readonly nodeId: number;
  readonly calls: OutgoingCalls;
  isWanted = false;
  /** Calls have gone over the link not long ago, or the other side wanted it and it was lost. */
  isLingering = false;
  stopLingering: Cancel = () => {};
  link: PeerConnection | undefined;
  dial: Handshaking | undefined;
  cancelRedial: Cancel | undefined;
  /** Dials in a row that brought no link. */
  failures = 0;
  /** The last reason that was logged, so that it is logged once. */
  lastReason = "";
  openedMs = 0;
  /** The newest link that the node with the lower id has decided on, and in which of its lives. */
  turn = 0;
  turnOf = "";

  constructor(nodeId: number, calls: OutgoingCalls) {
    this.nodeId = nodeId;
    this.calls = calls;
  }

  linger(clock: Clock, onEnd: () => void): void {
    this.lingerNoMore();
    this.isLingering = true;
    this.stopLingering = clock.schedule(lingerMs, () => {
      this.isLingering = false;
      onEnd();
    });
  }

  lingerNoMore(): void {
    this.isLingering = false;
    this.stopLingering();
  }

  get wantsLink(): boolean {
    return this.isWanted || this.isLingering || this.calls.count > 0;
  }

  get isIdle(): boolean {
    return (
      !this.wantsLink &&
      this.link === undefined &&
      this.dial === undefined &&
      this.cancelRedial === undefined
    );
  }
}
