import { MalformedError } from "../../../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { isZeroUuid, type Uuid } from "../../../base/uuid.ts";
import {
  formatPartitionMetadata,
  parsePartitionMetadata,
} from "../../../log/partition-metadata.ts";

/** Ids are made by chance: two of them differ in about 64 bits. */
const spoiledBitsMax = 8;
const idChars = 22;

/**
 * Whether a folder with this `partition.metadata` is the topic's. A few bits of it may have
 * flipped: also what does not parse any more tells one id from another. Undefined: it does not say.
 */
export function isOfTopic(bytes: Uint8Array | undefined, topicId: Uuid): boolean | undefined {
  if (bytes === undefined) return undefined;
  const stored = parse(bytes);
  if (stored !== undefined) {
    return isZeroUuid(stored) ? undefined : bitsBetween(stored, topicId) <= spoiledBitsMax;
  }
  const own = encodeUtf8(formatPartitionMetadata(topicId));
  if (bytes.length < own.length) return undefined;
  if (bitsBetween(bytes.subarray(0, own.length), own) <= spoiledBitsMax) return true;
  const idAt = own.length - idChars;
  const isHeaded = bitsBetween(bytes.subarray(0, idAt), own.subarray(0, idAt)) <= spoiledBitsMax;
  const legible = bytes.subarray(idAt, own.length).filter(isOfAnId).length;
  return isHeaded && legible >= idChars - spoiledBitsMax ? false : undefined;
}

/** Undefined: it does not parse. */
function parse(bytes: Uint8Array): Uuid | undefined {
  try {
    return parsePartitionMetadata(decodeUtf8(bytes));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return undefined;
  }
}

function bitsBetween(some: Uint8Array, others: Uint8Array): number {
  let bits = 0;
  for (const [at, byte] of some.entries()) {
    for (let left = byte ^ (others[at] ?? 0); left !== 0; left &= left - 1) bits += 1;
  }
  return bits;
}

/** Of base64url. */
function isOfAnId(byte: number): boolean {
  return /[A-Za-z0-9_-]/.test(String.fromCharCode(byte));
}
