import { encodeUtf8 } from "../../base/text.ts";

/**
 * A record says who wrote it: its value is `<producer>/<number>/<size>/` and a filling that follows
 * from those, so that a reader knows every byte of it.
 */
export function valueOf(stamp: string): Uint8Array {
  const head = encodeUtf8(`${stamp}/`);
  const sizeBytes = Number(stamp.slice(stamp.lastIndexOf("/") + 1));
  const bytes = new Uint8Array(head.length + sizeBytes);
  bytes.set(head);
  for (let at = head.length; at < bytes.length; at += 1) bytes[at] = (at * 31 + head.length) & 0xff;
  return bytes;
}

const slash = 0x2f;
const decoder = new TextDecoder();

/** Undefined: no client wrote these bytes. */
export function stampOf(value: Uint8Array | null): string | undefined {
  if (value === null) return undefined;
  let end = value.indexOf(slash);
  for (let part = 0; part < 2 && end >= 0; part += 1) end = value.indexOf(slash, end + 1);
  if (end < 0 || end > 60) return undefined;
  const stamp = decoder.decode(value.subarray(0, end));
  if (!/^[\w-]+\/\d+\/\d{1,7}$/.test(stamp)) return undefined;
  const expected = valueOf(stamp);
  if (expected.length !== value.length) return undefined;
  return expected.every((byte, at) => byte === value[at]) ? stamp : undefined;
}
