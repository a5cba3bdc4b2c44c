import { joinBytes } from "../base/bytes.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import {
  closeLingerMs,
  type PeerSocket,
  type PeerSocketEvents,
} from "../broker/ports/peer-transport.ts";
import { drawBetween } from "./draw.ts";
import type { Segment, SimulatedStream } from "./simulated-stream.ts";

const piecesMax = 3;

/** One end of a simulated connection; it lives in one process. */
export class SimulatedEnd implements PeerSocket {
  readonly remote: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #out: SimulatedStream;
  readonly #onClosed: () => void;
  #events: PeerSocketEvents | undefined;
  #state: "open" | "ended" | "closed" = "open";
  #stopLinger: Cancel = () => {};

  constructor(
    place: { remote: string; clock: Clock; random: Random },
    out: SimulatedStream,
    onClosed: () => void,
  ) {
    this.remote = place.remote;
    this.#clock = place.clock;
    this.#random = place.random;
    this.#out = out;
    this.#onClosed = onClosed;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  attach(events: PeerSocketEvents): void {
    this.#events = events;
  }

  /** Takes a copy at once, as a kernel does. */
  write(chunks: readonly Uint8Array[], onSent?: () => void): void {
    if (this.#state !== "open") return;
    this.#out.push({ kind: "bytes", bytes: joinBytes(chunks).slice() });
    if (onSent !== undefined) this.#clock.schedule(0, onSent);
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#out.push({ kind: "end" });
    this.#stopLinger = this.#clock.schedule(closeLingerMs, () => this.destroy());
  }

  destroy(): void {
    if (this.#state === "closed") return;
    this.#out.push({ kind: "reset" });
    this.#clock.schedule(0, () => this.close("this side closed the connection"));
    this.#state = "ended";
  }

  /** From the network: what the other end sent, or what became of it. */
  take(segment: Segment): void {
    if (this.#state === "closed") return;
    switch (segment.kind) {
      case "opened":
        return this.#events?.opened();
      case "bytes":
        return this.#receive(segment.bytes);
      case "end":
        if (this.#state === "open") this.#out.push({ kind: "end" });
        return this.close("the other side closed the connection");
      case "reset":
        return this.close("the connection was reset");
      case "refused":
        return this.close("the connection was refused", true);
      case "dial":
        return;
    }
  }

  /** The connection is gone; who listens is told. */
  close(reason: string, isNobodyThere = false): void {
    if (this.#state === "closed") return;
    this.vanish();
    this.#events?.closed(reason, isNobodyThere);
  }

  /** The process is gone: nobody is left to be told, here. */
  vanish(): void {
    this.#state = "closed";
    this.#stopLinger();
    this.#onClosed();
  }

  /** In pieces, as networks cut them. */
  #receive(bytes: Uint8Array): void {
    let at = 0;
    for (let left = drawBetween(this.#random, 1, piecesMax); at < bytes.length; left -= 1) {
      const size = left <= 1 ? bytes.length - at : drawBetween(this.#random, 1, bytes.length - at);
      this.#events?.received(bytes.subarray(at, at + size));
      at += size;
    }
  }
}
