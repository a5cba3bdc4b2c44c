import { XylemError } from "./errors.ts";
import type { Random } from "./random.ts";

/** 16 bytes. On the Kafka wire as they are; in text base64url without padding, 22 characters. */
export type Uuid = Uint8Array;

export const uuidSizeBytes = 16;

/** All zero: "none" on the wire. Not to be changed. */
export const zeroUuid: Uuid = new Uint8Array(uuidSizeBytes);

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function isZeroUuid(id: Uuid): boolean {
  return id.every((byte) => byte === 0);
}

export function formatUuid(id: Uuid): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of id) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 6) {
      held -= 6;
      text += alphabet[(bits >>> held) & 63];
    }
    bits &= (1 << held) - 1;
  }
  return text + alphabet[(bits << (6 - held)) & 63];
}

/** Throws INVALID_REQUEST for anything but 22 characters of base64url. */
export function parseUuid(text: string): Uuid {
  const id = new Uint8Array(uuidSizeBytes);
  let bits = 0;
  let held = 0;
  let size = 0;
  for (const character of text.length === 22 ? text : "!") {
    const value = alphabet.indexOf(character);
    if (value < 0) throw new XylemError("INVALID_REQUEST", `"${text}" is not an id`);
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8 && size < uuidSizeBytes) {
      held -= 8;
      id[size++] = bits >>> held;
      bits &= (1 << held) - 1;
    }
  }
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
