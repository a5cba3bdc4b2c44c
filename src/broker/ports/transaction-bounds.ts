import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import { encodeUtf8 } from "../../base/text.ts";
import type { Compare, Write } from "./coordinator.ts";

/**
 * Keys that one transaction may compare and write: of Consul's 64 operations one tells whether it
 * was applied. A compared key that is deleted or bound to a lease takes two, and counts so.
 */
export const transactionKeysMax = 63;
/** Of keys and values in UTF-8: what Consul takes as base64 in one request, with room to spare. */
export const transactionBytesMax = 262_144;

/**
 * What every coordinator of a cluster takes, so that it can move from one to another. Throws
 * MESSAGE_TOO_LARGE.
 */
export function checkTransaction(compares: readonly Compare[], writes: readonly Write[]): void {
  checkKeys(compares, writes);
  const sizeBytes = sizeOf(compares, writes);
  if (sizeBytes <= transactionBytesMax) return;
  throw new XylemError(
    "MESSAGE_TOO_LARGE",
    `A change of ${sizeBytes} bytes; a coordinator takes ${transactionBytesMax} at once`,
  );
}

/** Too many keys, or one written twice, is a fault of the caller's. */
export function checkKeys(compares: readonly Compare[], writes: readonly Write[]): void {
  const written = new Set(writes.map(({ key }) => key));
  assert(written.size === writes.length, "a transaction writes each key once");
  const compared = new Set(compares.map(({ key }) => key));
  const twice = writes.filter(({ key, value, lease }) => {
    return compared.has(key) && (value === null || lease !== undefined);
  });
  const count = new Set([...written, ...compared]).size + twice.length;
  assert(count <= transactionKeysMax, `a transaction over ${count} keys`);
}

function sizeOf(compares: readonly Compare[], writes: readonly Write[]): number {
  let sizeBytes = 0;
  for (const { key } of compares) sizeBytes += encodeUtf8(key).length;
  for (const { key, value } of writes) {
    sizeBytes += encodeUtf8(key).length + encodeUtf8(value ?? "").length;
  }
  return sizeBytes;
}
