import { formatBase64Url, parseBase64Url } from "./base64url.ts";
import { XylemError } from "./errors.ts";
import type { Random } from "./random.ts";

/** 16 bytes. On the Kafka wire as they are; in text base64url without padding, 22 characters. */
export type Uuid = Uint8Array;

export const uuidSizeBytes = 16;

/** All zero: "none" on the wire. Not to be changed. */
export const zeroUuid: Uuid = new Uint8Array(uuidSizeBytes);

export function isZeroUuid(id: Uuid): boolean {
  return id.every((byte) => byte === 0);
}

export function formatUuid(id: Uuid): string {
  return formatBase64Url(id);
}

/** Throws INVALID_REQUEST for anything but 22 characters of base64url. */
export function parseUuid(text: string): Uuid {
  const id = text.length === 22 ? parseBase64Url(text) : undefined;
  if (id === undefined) throw new XylemError("INVALID_REQUEST", `"${text}" is not an id`);
  return id;
}

/** A random id (version 4) whose text starts with no `-`, so that it is safe as an argument. */
export function makeUuid(random: Random): Uuid {
  for (;;) {
    const id = random.bytes(uuidSizeBytes);
    id[6] = ((id[6] ?? 0) & 0x0f) | 0x40;
    id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
    if (!formatUuid(id).startsWith("-")) return id;
  }
}
