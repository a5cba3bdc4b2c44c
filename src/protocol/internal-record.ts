import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import type { MessageCodec } from "./schema/message.ts";
import { hasVersion } from "./schema/versions.ts";

/** The type of an internal record, which its key begins with. */
export function readRecordType(key: Uint8Array): number {
  return new ByteReader(key).int16();
}

/** Reads a key of the type that `codec` is for; keys have one version. */
export function readKey<R, W>(codec: MessageCodec<R, W>, key: Uint8Array): R {
  const reader = new ByteReader(key);
  const type = reader.int16();
  if (type !== codec.key)
    throw new MalformedError(`${codec.name} has type ${codec.key}, not ${type}`);
  return codec.read(reader, 0);
}

export function writeKey<R, W>(codec: MessageCodec<R, W>, key: W): Uint8Array {
  assert(codec.key !== undefined, `${codec.name} is no key`);
  const writer = new ByteWriter(64);
  writer.int16(codec.key);
  codec.write(writer, key, 0);
  return writer.toBytes();
}

/** A value after its version; throws MalformedError on a version that we do not know. */
export function readValue<R, W>(codec: MessageCodec<R, W>, value: Uint8Array): R {
  const reader = new ByteReader(value);
  const version = reader.int16();
  if (hasVersion(codec.validVersions, version)) return codec.read(reader, version);
  throw new MalformedError(`${codec.name} has no version ${version}`);
}

export function writeValue<R, W>(codec: MessageCodec<R, W>, value: W, version: number): Uint8Array {
  const writer = new ByteWriter(128);
  writer.int16(version);
  codec.write(writer, value, version);
  return writer.toBytes();
}

/**
 * Reads what consumers say inside JoinGroup and SyncGroup: as a value, but a higher version is read
 * as the highest known, as the protocol demands.
 */
export function readConsumerProtocol<R, W>(codec: MessageCodec<R, W>, bytes: Uint8Array): R {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  if (version < codec.validVersions.min) throw new MalformedError(`version ${version}`);
  return codec.read(reader, Math.min(version, codec.validVersions.max));
}
