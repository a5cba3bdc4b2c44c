import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import { snappySizeBytes } from "../protocol/snappy-frame.ts";
import { BlockOutput } from "./block-output.ts";
import { findSequences } from "./match-finder.ts";

/** Elements of a raw block, by the low two bits of their tag. */
const literalTag = 0;
const copyOneTag = 1;
const copyTwoTag = 2;

/** Up to here a literal's length is in its tag; then 1 to 4 bytes follow. */
const shortLiteralMax = 60;
const copyBytesMax = 64;

/** A copy may run to the very end; a hash needs four bytes. */
const limits = { tailBytes: 4, literalTailBytes: 0 };

/** One raw block, without native code. */
export function compressSnappyBlock(input: Uint8Array): Uint8Array {
  const writer = new ByteWriter(32 + input.length);
  writer.uvarint(input.length);
  for (const { literalsFrom, literalsTo, distance, length } of findSequences(input, limits)) {
    writeLiteral(writer, input.subarray(literalsFrom, literalsTo));
    for (let left = length; left > 0; left -= copyBytesMax) {
      writer.int8(((Math.min(left, copyBytesMax) - 1) << 2) | copyTwoTag);
      writer.int8(distance);
      writer.int8(distance >> 8);
    }
  }
  return writer.toBytes();
}

function writeLiteral(writer: ByteWriter, run: Uint8Array): void {
  if (run.length === 0) return;
  const last = run.length - 1;
  if (last < shortLiteralMax) {
    writer.int8((last << 2) | literalTag);
  } else {
    const sizeBytes = last < 0x100 ? 1 : last < 0x10000 ? 2 : 3;
    writer.int8(((shortLiteralMax - 1 + sizeBytes) << 2) | literalTag);
    for (let byte = 0; byte < sizeBytes; byte++) writer.int8(last >> (8 * byte));
  }
  writer.copy(run);
}

/** What a raw block holds; the caller has bounded it by `snappySizeBytes`. */
export function decompressSnappyBlock(block: Uint8Array): Uint8Array {
  const output = new BlockOutput(snappySizeBytes(block));
  const reader = new ByteReader(block);
  reader.uvarint();
  while (reader.left > 0) {
    const tag = reader.uint8();
    const kind = tag & 3;
    if (kind === literalTag) {
      output.literals(reader.bytes(literalBytes(reader, tag >> 2)));
    } else if (kind === copyOneTag) {
      output.copy(((tag >> 5) << 8) | reader.uint8(), ((tag >> 2) & 7) + 4);
    } else {
      output.copy(little(reader, kind === copyTwoTag ? 2 : 4), (tag >> 2) + 1);
    }
  }
  if (output.position < output.bytes.length) throw new MalformedError("fewer bytes than announced");
  return output.bytes;
}

function literalBytes(reader: ByteReader, code: number): number {
  return code < shortLiteralMax ? code + 1 : little(reader, code - shortLiteralMax + 1) + 1;
}

function little(reader: ByteReader, sizeBytes: number): number {
  let value = 0;
  for (let byte = 0; byte < sizeBytes; byte++) value += reader.uint8() * 2 ** (8 * byte);
  return value;
}
