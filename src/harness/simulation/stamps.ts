import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { RecordHeader } from "../../protocol/record.ts";

/** What a record carries, as far as its stamp says it. */
export interface StampedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

const keyCount = 7;
const slash = 0x2f;
const tombstoneEnd = "/x";
const headerKey = "stamp";

/**
 * A record says who wrote it: `<producer>/<number>/<size>`. Its key follows from the number, its
 * value is the stamp and a filling that follows from it, so that a reader knows every byte. A
 * tombstone has `x` in place of a size, and its stamp in a header.
 */
export function recordOf(stamp: string): StampedRecord {
  const key = encodeUtf8(keyOfStamp(stamp));
  if (!isTombstone(stamp)) return { key, value: valueOf(stamp), headers: [] };
  return { key, value: null, headers: [{ key: headerKey, value: encodeUtf8(stamp) }] };
}

/** Undefined: no client wrote these bytes. */
export function stampOf({ key, value, headers }: StampedRecord): string | undefined {
  const stamp = value === null ? stampOfTombstone(headers) : stampOfValue(value);
  if (stamp === undefined || key === null) return undefined;
  return decodeUtf8(key) === keyOfStamp(stamp) ? stamp : undefined;
}

export function keyOfStamp(stamp: string): string {
  return `k${Number(stamp.split("/")[1]) % keyCount}`;
}

export function isTombstone(stamp: string): boolean {
  return stamp.endsWith(tombstoneEnd);
}

function valueOf(stamp: string): Uint8Array {
  const head = encodeUtf8(`${stamp}/`);
  const sizeBytes = Number(stamp.slice(stamp.lastIndexOf("/") + 1));
  const bytes = new Uint8Array(head.length + sizeBytes);
  bytes.set(head);
  for (let at = head.length; at < bytes.length; at += 1) bytes[at] = fillingAt(at, head.length);
  return bytes;
}

function fillingAt(at: number, headBytes: number): number {
  return (at * 31 + headBytes) & 0xff;
}

const decoder = new TextDecoder();

function stampOfValue(value: Uint8Array): string | undefined {
  let end = value.indexOf(slash);
  for (let part = 0; part < 2 && end >= 0; part += 1) end = value.indexOf(slash, end + 1);
  if (end < 0 || end > 60) return undefined;
  const stamp = decoder.decode(value.subarray(0, end));
  const size = /^[\w-]+\/\d+\/(\d{1,7})$/.exec(stamp)?.[1];
  const headBytes = end + 1;
  if (size === undefined || headBytes + Number(size) !== value.length) return undefined;
  for (let at = headBytes; at < value.length; at += 1) {
    if (value[at] !== fillingAt(at, headBytes)) return undefined;
  }
  return stamp;
}

function stampOfTombstone(headers: readonly RecordHeader[]): string | undefined {
  const [header] = headers;
  if (header?.key !== headerKey || header.value === null) return undefined;
  const stamp = decoder.decode(header.value);
  return /^[\w-]+\/\d+\/x$/.test(stamp) ? stamp : undefined;
}
