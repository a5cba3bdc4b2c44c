import fc from "fast-check";
import type { PeerMessage } from "../../src/broker/ports/peer-links.ts";
import type { ChainMessage } from "../../src/replication/chain-message.ts";

const offset = fc.oneof(fc.maxSafeNat(), fc.nat({ max: 300 }), fc.constantFrom(127, 128, 2 ** 32));
const session = { epoch: fc.nat(), session: offset };
const epochs = fc.array(fc.record({ epoch: fc.nat(), endOffset: offset }), { maxLength: 20 });

const chainMessage: fc.Arbitrary<ChainMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    ...session,
    logStart: offset,
    end: offset,
    epochs,
  }),
  fc.record(
    {
      kind: fc.constant("helloOk" as const),
      ...session,
      common: offset,
      commonEpoch: fc.integer({ min: -1, max: 0x7fffffff }),
      committed: offset,
      epochs,
    },
    { requiredKeys: ["kind", "epoch", "session", "common", "commonEpoch", "committed"] },
  ),
  fc
    .record({
      kind: fc.constant("append" as const),
      ...session,
      base: fc.nat({ max: 2 ** 31 - 1 }),
      next: fc.integer({ min: 2 ** 31, max: 2 ** 31 + 5 }),
      committed: offset,
      logStart: offset,
      flush: offset,
      isFresh: fc.boolean(),
    })
    .map((message) => (message.flush % 2 === 0 ? { ...message, next: message.base } : message)),
  fc
    .record({
      kind: fc.constant("ack" as const),
      ...session,
      written: offset,
      flushed: offset,
      logStart: fc.nat(),
      logStartMax: offset,
      ownWritten: offset,
      ownFlushed: offset,
    })
    .map((ack) => ({ ...ack, logStartMax: Math.max(ack.logStart, ack.logStartMax) })),
  fc.record({ kind: fc.constant("reject" as const), ...session }),
);

/** Messages of a few topics, as one frame might carry them; Appends with some bytes. */
export const peerMessages: fc.Arbitrary<PeerMessage[]> = fc.array(
  fc
    .tuple(
      fc.constantFrom(1, 1, 1, 2, 3),
      fc.nat({ max: 0x7fffffff }),
      chainMessage,
      fc.uint8Array({ maxLength: 2_000, size: "max" }),
    )
    .map(([topic, partition, message, bytes]) => {
      const topicId = new Uint8Array(16).fill(topic);
      if (message.kind !== "append") return { topicId, partition, message };
      return { topicId, partition, message, bytes };
    }),
  { maxLength: 30 },
);
