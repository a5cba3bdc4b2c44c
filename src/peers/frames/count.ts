import { assert } from "../../base/assert.ts";
import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";

const countBytesMax = 8;

/** An offset or a size: seven bits a byte, lowest first; at most 2^53 - 1. */
export function writeCount(writer: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is no offset or size`);
  let rest = value;
  while (rest > 0x7f) {
    writer.int8((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  writer.int8(rest);
}

/** Throws MalformedError on what `writeCount` does not write. */
export function readCount(reader: ByteReader): number {
  let value = 0;
  let scale = 1;
  for (let size = 1; size <= countBytesMax; size += 1) {
    const byte = reader.uint8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (!Number.isSafeInteger(value)) break;
      if (byte === 0 && size > 1) throw new MalformedError("a number is longer than it need be");
      return value;
    }
    scale *= 0x80;
  }
  throw new MalformedError("a number of more than 53 bits");
}

/** A size, its bytes checked to be there. */
export function readSizedBytes(reader: ByteReader): Uint8Array {
  return reader.bytes(readCount(reader));
}

export function writeText(writer: ByteWriter, text: string): void {
  writer.utf8(text, writeCount);
}

export function readText(reader: ByteReader): string {
  return reader.utf8(readCount(reader));
}
