import { ByteReader, ByteWriter, readInt32 } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import type { PeerIdentity } from "../../broker/ports/peer-links.ts";
import { readCount, readText, writeCount, writeText } from "../frames/count.ts";
import { proofBytes } from "./prove.ts";

/**
 * The handshake. Every message is an int32 size and that many bytes, at most `handshakeBytesMax`;
 * fields may be added at the end, which older nodes pass by. The dialer's first message has the
 * preface before it: 0x01, "XYLM", the least and the greatest version it speaks.
 *
 * | # | from | message | fields |
 * |---|---|---|---|
 * | 1 | dialer | introduction | cluster id, own id, incarnation, wanted id, nonce (32), limits |
 * | 2 | acceptor | challenge | version, own id, incarnation, nonce (32), limits |
 * | 2 | acceptor | refusal | reason: instead of a challenge or of an acceptance |
 * | 3 | dialer | proof | HMAC of the dialer |
 * | 4 | acceptor | acceptance | turn, HMAC of the acceptor |
 * | 5 | dialer | confirmation | turn, HMAC; only when the dialer has the lower id |
 *
 * A wrong proof is answered by nothing: the connection is closed.
 */
export const prefaceBytes = Uint8Array.of(0x01, 0x58, 0x59, 0x4c, 0x4d);
/** With the two versions. */
export const prefaceSizeBytes = prefaceBytes.length + 2;
export const handshakeBytesMax = 512;
export const nonceBytes = 32;
/** What this build speaks. An upgrade widens the range first and narrows it a release later. */
export const ownVersions: VersionRange = { min: 1, max: 2 };

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** What a side takes, for the other to keep to. */
export interface PeerLimits {
  readonly windowBytes: number;
  readonly frameBytesMax: number;
}

export interface Introduction {
  readonly clusterId: string;
  readonly from: PeerIdentity;
  readonly wantedId: number;
  readonly nonce: Uint8Array;
  readonly limits: PeerLimits;
}

/** Why a node that has proved nothing yet, or is too many, is sent away. */
export const refusals = ["version", "cluster", "id", "itself", "incarnation", "stopping"] as const;
export type Refusal = (typeof refusals)[number];

export type HandshakeReply =
  | {
      readonly kind: "challenge";
      readonly version: number;
      readonly from: PeerIdentity;
      readonly nonce: Uint8Array;
      readonly limits: PeerLimits;
    }
  | { readonly kind: "proof"; readonly proof: Uint8Array }
  | { readonly kind: "acceptance"; readonly turn: number; readonly proof: Uint8Array }
  | { readonly kind: "confirmation"; readonly turn: number; readonly proof: Uint8Array }
  | { readonly kind: "refusal"; readonly reason: Refusal };

const replyKinds = ["challenge", "proof", "acceptance", "confirmation", "refusal"] as const;

/** Without the preface, with its size. */
export function writeIntroduction(introduction: Introduction): Uint8Array {
  const { clusterId, from, wantedId, nonce, limits } = introduction;
  return sized((writer) => {
    writeText(writer, clusterId);
    writeIdentity(writer, from);
    writer.int32(wantedId);
    writer.copy(nonce);
    writeLimits(writer, limits);
  });
}

/** Throws MalformedError. */
export function readIntroduction(body: Uint8Array): Introduction {
  const reader = new ByteReader(body);
  return {
    clusterId: readText(reader),
    from: readIdentity(reader),
    wantedId: reader.int32(),
    nonce: reader.bytes(nonceBytes),
    limits: readLimits(reader),
  };
}

export function writeReply(reply: HandshakeReply): Uint8Array {
  return sized((writer) => {
    writer.int8(replyKinds.indexOf(reply.kind));
    switch (reply.kind) {
      case "challenge":
        writer.int8(reply.version);
        writeIdentity(writer, reply.from);
        writer.copy(reply.nonce);
        return writeLimits(writer, reply.limits);
      case "refusal":
        return writer.int8(refusals.indexOf(reply.reason));
      case "acceptance":
      case "confirmation":
        writeCount(writer, reply.turn);
        return writer.copy(reply.proof);
      case "proof":
        return writer.copy(reply.proof);
    }
  });
}

/** Throws MalformedError. */
export function readReply(body: Uint8Array): HandshakeReply {
  const reader = new ByteReader(body);
  const kind = replyKinds[reader.uint8()];
  switch (kind) {
    case "challenge":
      return {
        kind,
        version: reader.uint8(),
        from: readIdentity(reader),
        nonce: reader.bytes(nonceBytes),
        limits: readLimits(reader),
      };
    case "proof":
      return { kind, proof: reader.bytes(proofBytes) };
    case "acceptance":
    case "confirmation":
      return { kind, turn: readCount(reader), proof: reader.bytes(proofBytes) };
    case "refusal": {
      const reason = refusals[reader.uint8()];
      if (reason === undefined) throw new MalformedError("refused for an unknown reason");
      return { kind, reason };
    }
    default:
      throw new MalformedError("a handshake message of an unknown kind");
  }
}

/** The version both speak, the greatest; undefined: none. */
export function agreeOnVersion(one: VersionRange, other: VersionRange): number | undefined {
  const version = Math.min(one.max, other.max);
  return version < Math.max(one.min, other.min) ? undefined : version;
}

/** The message at the front of `bytes`, with its size before it; undefined: more must come. */
export function takeMessage(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 4) return undefined;
  const sizeBytes = readInt32(bytes, 0);
  if (sizeBytes < 1 || sizeBytes > handshakeBytesMax) {
    throw new MalformedError(`a handshake message of ${sizeBytes} bytes`);
  }
  return bytes.length < 4 + sizeBytes ? undefined : bytes.subarray(0, 4 + sizeBytes);
}

function sized(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(handshakeBytesMax);
  writer.int32(0);
  write(writer);
  writer.patchInt32(0, writer.sizeBytes - 4);
  return writer.toBytes();
}

function writeIdentity(writer: ByteWriter, { id, incarnation }: PeerIdentity): void {
  writer.int32(id);
  writeText(writer, incarnation);
}

function readIdentity(reader: ByteReader): PeerIdentity {
  const id = reader.int32();
  const incarnation = readText(reader);
  if (id < 0 || !/^[A-Za-z0-9_-]{1,64}$/.test(incarnation)) {
    throw new MalformedError("a node's id or incarnation can not be");
  }
  return { id, incarnation };
}

function writeLimits(writer: ByteWriter, { windowBytes, frameBytesMax }: PeerLimits): void {
  writer.int32(windowBytes);
  writer.int32(frameBytesMax);
}

function readLimits(reader: ByteReader): PeerLimits {
  const limits = { windowBytes: reader.int32(), frameBytesMax: reader.int32() };
  if (limits.windowBytes < 1 || limits.frameBytesMax < 1) {
    throw new MalformedError("a node's limits can not be");
  }
  return limits;
}
