import { expect, test } from "vitest";
import { joinBytes } from "../../src/base/bytes.ts";
import { portableCrc32c } from "../../src/base/crc32c.ts";
import type { PeerMessage } from "../../src/broker/ports/peer-links.ts";
import { FrameWriter } from "../../src/peers/frames/frame-writer.ts";
import { readFrame } from "../../src/peers/frames/read-frame.ts";
import {
  type HandshakeReply,
  type Introduction,
  readIntroduction,
  readReply,
  writeIntroduction,
  writeReply,
} from "../../src/peers/handshake/handshake-messages.ts";
import { makeProof } from "../../src/peers/handshake/prove.ts";
import type { ChainMessage } from "../../src/replication/chain-message.ts";
import { fromHex, loadVectors, toHex } from "./vector.ts";

/** The protocol between nodes: these bytes never change, newer versions are added. */
interface Vectors {
  readonly messages: readonly { message: ChainMessage; bytes?: string; frame: string }[];
  readonly mixed: string;
  readonly introduction: string;
  readonly replies: readonly { reply: Record<string, unknown>; wire: string }[];
  readonly proof: string;
}

const vectors = loadVectors<Vectors>("peer-frames");
const topicId = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
const nonce = new Uint8Array(32).fill(0xab);
const proof = new Uint8Array(32).fill(0xcd);
const limits = { windowBytes: 16_777_216, frameBytesMax: 134_217_728 };
const from = { id: 7, incarnation: "AAAAAAAAAAAAAAAAAAAAAA" };

const introduction: Introduction = {
  clusterId: "BBBBBBBBBBBBBBBBBBBBBB",
  from,
  wantedId: 8,
  nonce,
  limits,
};

/** Bytes are told by their names in the vectors. */
function replyOf(reply: Record<string, unknown>): HandshakeReply {
  const { kind } = reply;
  const filled = kind === "challenge" ? { from, nonce, limits } : { proof };
  return (kind === "refusal" ? reply : { ...reply, ...filled }) as unknown as HandshakeReply;
}

test.each(vectors.messages)("a frame with $message.kind", ({ message, bytes, frame }) => {
  const sent: PeerMessage = {
    topicId,
    partition: 300,
    message,
    ...(bytes !== undefined && { bytes: fromHex(bytes) }),
  };
  const writer = new FrameWriter(1_000_000, 2);
  writer.message(sent, sent.bytes === undefined ? [] : [sent.bytes]);
  expect(toHex(joinBytes(writer.seal(portableCrc32c).chunks))).toBe(frame);
  expect(readFrame(fromHex(frame).subarray(4), portableCrc32c).messages).toEqual([sent]);
});

test("a frame with everything that is no chain's, and two messages of one topic", () => {
  const writer = new FrameWriter(0, 2);
  writer.wanted(true);
  const message: ChainMessage = { kind: "reject", epoch: 1, session: 2 };
  writer.message({ topicId, partition: 0, message }, []);
  writer.message({ topicId, partition: 1, message }, []);
  writer.call(1, "ask", fromHex("0102"));
  writer.answer(2, fromHex("03"));
  writer.failure(3, "NOT_CONTROLLER", "no");
  expect(toHex(joinBytes(writer.seal(portableCrc32c).chunks))).toBe(vectors.mixed);
});

test("the introduction of a node", () => {
  expect(toHex(writeIntroduction(introduction))).toBe(vectors.introduction);
  expect(readIntroduction(fromHex(vectors.introduction).subarray(4))).toEqual(introduction);
});

test.each(vectors.replies)("the handshake's $reply.kind", ({ reply, wire }) => {
  expect(toHex(writeReply(replyOf(reply)))).toBe(wire);
  expect(readReply(fromHex(wire).subarray(4))).toEqual(replyOf(reply));
});

test("fields that a later version adds to the handshake are passed by", () => {
  for (const { reply, wire } of vectors.replies) {
    const longer = joinBytes([fromHex(wire).subarray(4), Uint8Array.of(1, 2, 3)]);
    expect(readReply(longer)).toEqual(replyOf(reply));
  }
});

test("a proof", () => {
  const made = makeProof(nonce, "acceptor", [proof, fromHex("01")], 5);
  expect(toHex(made)).toBe(vectors.proof);
});
