import type { Cancel, Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { drawBetween } from "./draw.ts";

/** How one direction between two nodes behaves. */
export interface PathRule {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly bytesPerMs: number;
}

/** What travels: the making of a connection, bytes, and its ends. */
export type Segment =
  | { readonly kind: "dial" | "opened" | "refused" | "end" | "reset" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface StreamParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Asked anew for each segment. */
  readonly rule: () => PathRule;
  readonly isBlocked: () => boolean;
  readonly deliver: (segment: Segment) => void;
}

/** Bytes arrive a part at a time: what the path carries in so long, a packet at least. */
const partMs = 20;
const packetBytes = 1_024;

/** One direction of a connection: in order, none lost while it stands, each with its own delay. */
export class SimulatedStream {
  readonly #parts: StreamParts;
  readonly #queue: { segment: Segment; dueMs: number }[] = [];
  #lastDueMs = 0;
  #cancel: Cancel | undefined;
  #isLost = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  push(segment: Segment): void {
    if (segment.kind !== "bytes") return this.#pushOne(segment);
    const { bytes } = segment;
    const partBytes = Math.max(packetBytes, this.#parts.rule().bytesPerMs * partMs);
    for (let at = 0; at < bytes.length; at += partBytes) {
      this.#pushOne({ kind: "bytes", bytes: bytes.subarray(at, at + partBytes) });
    }
  }

  #pushOne(segment: Segment): void {
    if (this.#isLost) return;
    const { clock, random, rule } = this.#parts;
    const { delayMsMin, delayMsMax, bytesPerMs } = rule();
    const leavesMs = clock.monotonicMs() + drawBetween(random, delayMsMin, delayMsMax);
    const sizeBytes = segment.kind === "bytes" ? segment.bytes.length : 0;
    const dueMs = Math.max(leavesMs, this.#lastDueMs) + sizeBytes / bytesPerMs;
    this.#lastDueMs = dueMs;
    this.#queue.push({ segment, dueMs });
    this.pump();
  }

  /** Goes on after the path was unblocked. */
  pump(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#cancel !== undefined || this.#parts.isBlocked()) return;
    const { clock } = this.#parts;
    this.#cancel = clock.schedule(first.dueMs - clock.monotonicMs(), () => {
      this.#cancel = undefined;
      if (this.#parts.isBlocked()) return;
      this.#queue.shift();
      this.#parts.deliver(first.segment);
      this.pump();
    });
  }

  /** What is under way is lost, and all that is sent after it. */
  drop(): void {
    this.#isLost = true;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#queue.length = 0;
  }
}
