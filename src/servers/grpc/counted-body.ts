import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { CallShare } from "./call-memory.ts";

/**
 * A request's body, whose bytes count against the memory of calls: of a single message until the
 * call is over, of a stream while a message is being gathered. A message is cut off at
 * `grpc.message.max.bytes` by who gathers it.
 */
export async function* countedBody(
  source: AsyncIterable<Uint8Array>,
  { method }: Pick<UniversalHandler, "method">,
  share: CallShare,
): AsyncGenerator<Uint8Array> {
  const { methodKind } = method;
  const isStream = methodKind === "client_streaming" || methodKind === "bidi_streaming";
  const envelopes = new Envelopes();
  for await (const chunk of source) {
    if (isStream && envelopes.pass(chunk)) share.release();
    share.take(chunk.length);
    yield chunk;
  }
}

/** Length and flags before each message of a stream, in all three protocols. */
const envelopeHeadBytes = 5;

/** Follows the envelopes of a stream, to know where one message ends and the next begins. */
class Envelopes {
  readonly #head = new Uint8Array(envelopeHeadBytes);
  #headBytes = 0;
  #bodyBytesLeft = 0;

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
