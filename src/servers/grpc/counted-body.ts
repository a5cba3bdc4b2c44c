import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { Cancel, Clock } from "../../base/clock.ts";
import type { CallShare } from "./call-memory.ts";

/** Whom a body counts for, and how long it may take. */
export interface BodyBounds {
  readonly share: CallShare;
  readonly clock: Clock;
  /** For a message to come, not counting the time in which nobody asked for more of it. */
  readonly timeoutMs: number;
  /** The time is over. */
  readonly cutOff: () => void;
}

/**
 * A request's body, whose bytes count against the memory of calls: of a single message until the
 * call is over, of a stream while a message is being gathered. A message is cut off at
 * `grpc.message.max.bytes` by who gathers it, and in time by this.
 */
export async function* countedBody(
  source: AsyncIterable<Uint8Array>,
  handler: Pick<UniversalHandler, "method">,
  bounds: BodyBounds,
): AsyncGenerator<Uint8Array> {
  const { share } = bounds;
  const isStream = isRequestStream(handler);
  const envelopes = new Envelopes();
  const patience = new Patience(bounds);
  try {
    if (!isStream) patience.start();
    for await (const chunk of source) {
      patience.stop();
      if (isStream && envelopes.pass(chunk)) {
        share.release();
        patience.renew();
      }
      share.take(chunk.length);
      yield chunk;
      // Between its messages a stream holds nothing, and may be silent for as long as it likes.
      if (isStream && !envelopes.isInside) share.release();
      else patience.start();
    }
  } finally {
    patience.stop();
  }
}

/** Whether there may be several messages in a request. */
export function isRequestStream({ method }: Pick<UniversalHandler, "method">): boolean {
  const { methodKind } = method;
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

/** The time in which a message is waited for. */
class Patience {
  readonly #bounds: BodyBounds;
  #leftMs: number;
  #sinceMs = 0;
  #cancel: Cancel | undefined;

  constructor(bounds: BodyBounds) {
    this.#bounds = bounds;
    this.#leftMs = bounds.timeoutMs;
  }

  start(): void {
    const { clock, cutOff } = this.#bounds;
    this.#sinceMs = clock.monotonicMs();
    this.#cancel = clock.schedule(this.#leftMs, cutOff);
  }

  stop(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    const passedMs = this.#bounds.clock.monotonicMs() - this.#sinceMs;
    this.#leftMs = Math.max(0, this.#leftMs - passedMs);
  }

  /** Another message begins. */
  renew(): void {
    this.#leftMs = this.#bounds.timeoutMs;
  }
}

/** Length and flags before each message of a stream, in all three protocols. */
const envelopeHeadBytes = 5;

/** Follows the envelopes of a stream, to know where one message ends and the next begins. */
class Envelopes {
  readonly #head = new Uint8Array(envelopeHeadBytes);
  #headBytes = 0;
  #bodyBytesLeft = 0;

  /** A part of a message has come, and not all of it. */
  get isInside(): boolean {
    return this.#headBytes > 0;
  }

  /** Whether a message ended in this chunk. */
  pass(chunk: Uint8Array): boolean {
    let hasEnded = false;
    let at = 0;
    while (at < chunk.length) {
      if (this.#headBytes < envelopeHeadBytes) {
        this.#head[this.#headBytes] = chunk[at] as number;
        this.#headBytes += 1;
        at += 1;
        if (this.#headBytes < envelopeHeadBytes) continue;
        this.#bodyBytesLeft = new DataView(this.#head.buffer).getUint32(1);
      } else {
        const taken = Math.min(this.#bodyBytesLeft, chunk.length - at);
        this.#bodyBytesLeft -= taken;
        at += taken;
      }
      if (this.#bodyBytesLeft > 0) continue;
      this.#headBytes = 0;
      hasEnded = true;
    }
    return hasEnded;
  }
}
