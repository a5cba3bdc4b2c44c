import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { peerMessages } from "../../../test/support/peer-messages.ts";
import { ByteReader, ByteWriter, joinBytes } from "../../base/bytes.ts";
import { portableCrc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import type { PeerMessage } from "../../broker/ports/peer-links.ts";
import { readCount, writeCount } from "./count.ts";
import { FrameWriter } from "./frame-writer.ts";
import { type IncomingFrame, readFrame } from "./read-frame.ts";

function frameOf(messages: readonly PeerMessage[], takenBytes = 0): Uint8Array {
  const writer = new FrameWriter(takenBytes, 2);
  for (const message of messages) writer.message(message, message.bytes ? [message.bytes] : []);
  return joinBytes(writer.seal(portableCrc32c).chunks);
}

const read = (frame: Uint8Array): IncomingFrame => readFrame(frame.subarray(4), portableCrc32c);

/** With its sum made to fit, so that what is inside is looked at. */
function withSum(body: Uint8Array): Uint8Array {
  const crc = portableCrc32c(body);
  return joinBytes([Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc), body]);
}

function isRefused(body: Uint8Array): boolean {
  try {
    readFrame(body, portableCrc32c);
    return false;
  } catch (error) {
    if (error instanceof MalformedError) return true;
    throw error;
  }
}

test("who speaks version 1 is told the least log start alone, others the greatest too", () => {
  const marks = { written: 9, flushed: 9, logStart: 3, logStartMax: 5, ownWritten: 9 } as const;
  const ack = { kind: "ack", epoch: 1, session: 1, ...marks, ownFlushed: 9 } as const;
  const heard = [1, 2].map((version) => {
    const writer = new FrameWriter(0, version);
    writer.message({ topicId: new Uint8Array(16), partition: 0, message: ack }, []);
    const bytes = joinBytes(writer.seal(portableCrc32c).chunks);
    return readFrame(bytes.subarray(4), portableCrc32c).messages[0]?.message;
  });
  expect(heard).toEqual([{ ...ack, logStartMax: 3 }, ack]);
});

test("whatever messages a frame is given come out of it, with their bytes", () => {
  fc.assert(
    fc.property(peerMessages, fc.maxSafeNat(), (messages, takenBytes) => {
      const wire = frameOf(messages, takenBytes);
      const frame = read(wire);
      expect(frame.messages).toEqual(messages);
      expect(frame.takenBytes).toBe(takenBytes);
      expect(frame.countedBytes).toBe(messages.length === 0 ? 0 : wire.length);
    }),
  );
});

test("calls, answers, failures and what is wanted come out too", () => {
  const writer = new FrameWriter(5, 2);
  const body = new Uint8Array(700).fill(3);
  writer.wanted(true);
  writer.call(1, "ask", body);
  writer.answer(2 ** 40, body);
  writer.failure(3, "NOT_CONTROLLER", "é");
  const frame = read(joinBytes(writer.seal(portableCrc32c).chunks));
  expect(frame.isWanted).toBe(true);
  expect(frame.calls).toEqual([{ id: 1, name: "ask", body }]);
  expect(frame.answers).toEqual([
    { id: 2 ** 40, body },
    { id: 3, failure: { code: "NOT_CONTROLLER", detail: "é" } },
  ]);
});

test("record bytes are not copied", () => {
  const bytes = new Uint8Array(5_000);
  const append = {
    kind: "append",
    epoch: 1,
    session: 1,
    base: 0,
    next: 1,
    committed: 0,
    logStart: 0,
    flush: 0,
    isFresh: true,
  } as const;
  const writer = new FrameWriter(0, 2);
  writer.message({ topicId: new Uint8Array(16), partition: 0, message: append }, [bytes]);
  expect(writer.seal(portableCrc32c).chunks.some((chunk) => chunk === bytes)).toBe(true);
});

describe("a frame is refused", () => {
  test("when any byte of it is altered", () => {
    fc.assert(
      fc.property(peerMessages, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, change) => {
        const body = frameOf(given).slice(4);
        const place = at % body.length;
        body[place] = (body[place] ?? 0) ^ change;
        expect(isRefused(body)).toBe(true);
      }),
    );
  });

  test("when it ends early, even where its sum fits", () => {
    fc.assert(
      fc.property(peerMessages, fc.nat(), (given, at) => {
        fc.pre(given.length > 0);
        const body = frameOf(given).subarray(8);
        const cut = withSum(body.subarray(0, at % body.length));
        const whole = isRefused(cut) ? 0 : readFrame(cut, portableCrc32c).messages.length;
        expect(whole).toBeLessThan(given.length);
      }),
    );
  });

  test("or read, when its bytes are any at all and its sum fits: nothing else happens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        isRefused(withSum(joinBytes([Uint8Array.of(bytes[0] ?? 0, 0), bytes])));
      }),
      { numRuns: 5_000 },
    );
  });

  test("when it has more items than a frame has any use for", () => {
    const wanted = new Uint8Array(2 * 1_000_001).fill(1);
    expect(isRefused(withSum(joinBytes([Uint8Array.of(0, 0), wanted])))).toBe(true);
  });
});

test("a number takes as few bytes as it can, and none reads back otherwise", () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), fc.nat({ max: 20_000 })), (value) => {
      const writer = new ByteWriter();
      writeCount(writer, value);
      const bytes = writer.toBytes();
      expect(bytes).toHaveLength(Math.max(1, Math.ceil(value.toString(2).length / 7)));
      expect(readCount(new ByteReader(bytes))).toBe(value);
      const longer = bytes.slice();
      longer[longer.length - 1] = (longer.at(-1) ?? 0) | 0x80;
      expect(() => readCount(new ByteReader(joinBytes([longer, Uint8Array.of(0)])))).toThrow(
        MalformedError,
      );
    }),
  );
  const tooLarge = new Uint8Array(8).fill(0xff);
  expect(() => readCount(new ByteReader(tooLarge))).toThrow(MalformedError);
});
