import { assert } from "./assert.ts";
import { MalformedError } from "./errors.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

/** A 64-bit integer: a number where a double holds it exactly, else a bigint. */
export type Int64 = number | bigint;

const two32 = 2 ** 32;

/** How many array elements one reader may be asked to make objects of, unless told otherwise. */
export const elementCountMax = 1_000_000;

/**
 * Reads big-endian values from `bytes` without copying them: `bytes()` answers views.
 * Past the end, or on a value that can not be, it throws MalformedError and allocates nothing.
 */
export class ByteReader {
  readonly source: Uint8Array;
  readonly end: number;
  position: number;
  #elementsLeft: number;

  constructor(source: Uint8Array, position = 0, end = source.length) {
    assert(position >= 0 && position <= end && end <= source.length, "reader outside its source");
    this.source = source;
    this.position = position;
    this.end = end;
    this.#elementsLeft = elementCountMax;
  }

  get left(): number {
    return this.end - this.position;
  }

  /** Refuses an array that claims more elements than its bytes, or the whole message, can hold. */
  claimElements(count: number, elementBytesMin: number): void {
    if (count * elementBytesMin > this.left) {
      throw new MalformedError(`${count} elements do not fit in ${this.left} bytes`);
    }
    this.#elementsLeft -= count;
    if (this.#elementsLeft < 0) {
      throw new MalformedError(`more than ${elementCountMax} array elements in one message`);
    }
  }

  int8(): number {
    return ((this.source[this.#take(1)] as number) << 24) >> 24;
  }

  uint8(): number {
    return this.source[this.#take(1)] as number;
  }

  int16(): number {
    return (this.uint16() << 16) >> 16;
  }

  uint16(): number {
    const at = this.#take(2);
    return ((this.source[at] as number) << 8) | (this.source[at + 1] as number);
  }

  int32(): number {
    return readInt32(this.source, this.#take(4));
  }

  uint32(): number {
    return readInt32(this.source, this.#take(4)) >>> 0;
  }

  int64(): Int64 {
    return readInt64(this.source, this.#take(8));
  }

  float64(): number {
    const at = this.#take(8);
    return new DataView(this.source.buffer, this.source.byteOffset + at, 8).getFloat64(0);
  }

  /** Unsigned varint of at most 5 bytes and 32 bits. */
  uvarint(): number {
    const first = this.uint8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.uint8();
      if (shift === 28 && byte > 0x0f) throw new MalformedError("varint of more than 32 bits");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedError("varint of more than 5 bytes");
  }

  /** Zigzag varint of at most 32 bits. */
  varint(): number {
    const raw = this.uvarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Zigzag varint of at most 64 bits. */
  varlong(): Int64 {
    let low = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.uint8();
      low += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return low % 2 === 0 ? low / 2 : -(low - 1) / 2 - 1;
    }
    return this.#longVarlong(BigInt(low));
  }

  #longVarlong(low: bigint): Int64 {
    let raw = low;
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.uint8();
      if (shift === 63n && byte > 1) throw new MalformedError("varlong of more than 64 bits");
      raw |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return narrowInt64((raw >> 1n) ^ -(raw & 1n));
    }
    throw new MalformedError("varlong of more than 10 bytes");
  }

  /** A view of the next `sizeBytes`. */
  bytes(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes);
    return this.source.subarray(at, at + sizeBytes);
  }

  utf8(sizeBytes: number): string {
    return decodeUtf8(this.bytes(sizeBytes));
  }

  skip(sizeBytes: number): void {
    this.#take(sizeBytes);
  }

  #take(sizeBytes: number): number {
    const at = this.position;
    if (sizeBytes < 0 || sizeBytes > this.end - at) {
      throw new MalformedError(`${sizeBytes} bytes wanted at ${at}, ${this.end - at} left`);
    }
    this.position = at + sizeBytes;
    return at;
  }
}

/** Runs of at least this many bytes are spliced into the output instead of copied. */
const splicedBytesMin = 512;

interface Splice {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * Writes big-endian values into a buffer that grows. `raw()` takes large runs by reference: the
 * caller must not change them until the chunks of `finish()` are sent.
 */
export class ByteWriter {
  #buffer: Uint8Array;
  #position = 0;
  #splices: Splice[] = [];
  #splicedBytes = 0;

  constructor(sizeBytesExpected = 256) {
    this.#buffer = new Uint8Array(sizeBytesExpected);
  }

  /** Bytes written so far, spliced ones included. */
  get sizeBytes(): number {
    return this.#position + this.#splicedBytes;
  }

  int8(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  int16(value: number): void {
    const at = this.#reserve(2);
    this.#buffer[at] = value >> 8;
    this.#buffer[at + 1] = value;
  }

  uint16(value: number): void {
    this.int16(value);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    writeInt32(this.#buffer, at, value);
  }

  uint32(value: number): void {
    this.int32(value);
  }

  int64(value: Int64): void {
    const at = this.#reserve(8);
    writeInt64(this.#buffer, at, value);
  }

  float64(value: number): void {
    const at = this.#reserve(8);
    new DataView(this.#buffer.buffer, at, 8).setFloat64(0, value);
  }

  /** Unsigned varint of a value below 2^32. */
  uvarint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.int8(rest | 0x80);
      rest >>>= 7;
    }
    this.int8(rest);
  }

  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31));
  }

  varlong(value: Int64): void {
    if (typeof value === "number" && value >= -0x40000000 && value < 0x40000000) {
      return this.varint(value);
    }
    const wide = BigInt(value);
    let raw = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
    while (raw > 0x7fn) {
      this.int8(Number(raw & 0x7fn) | 0x80);
      raw >>= 7n;
    }
    this.int8(Number(raw));
  }

  /** A copy of small runs, large ones by reference. */
  raw(bytes: Uint8Array): void {
    if (bytes.length < splicedBytesMin) return this.copy(bytes);
    this.#splices.push({ at: this.#position, bytes });
    this.#splicedBytes += bytes.length;
  }

  copy(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /**
   * The UTF-8 of `text`, preceded by its size in bytes as `writeSize` writes it. The size may be
   * written twice: once as if the text were ASCII, which it nearly always is.
   */
  utf8(text: string, writeSize: (writer: ByteWriter, sizeBytes: number) => void): void {
    const start = this.#position;
    writeSize(this, text.length);
    if (this.#ascii(text)) return;
    this.#position = start;
    const bytes = encodeUtf8(text);
    writeSize(this, bytes.length);
    this.copy(bytes);
  }

  #ascii(text: string): boolean {
    const at = this.#reserve(text.length);
    const buffer = this.#buffer;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return false;
      buffer[at + index] = unit;
    }
    return true;
  }

  /** Leaves room for an int32 that is known later; `patchInt32` takes the answer. */
  reserveInt32(): number {
    return this.#reserve(4);
  }

  patchInt32(position: number, value: number): void {
    assert(position >= 0 && position + 4 <= this.#position, "patch outside what was written");
    writeInt32(this.#buffer, position, value);
  }

  /** Starts over with the same buffer: what `finish` answered before is overwritten. */
  clear(): void {
    this.#position = 0;
    this.#splices.length = 0;
    this.#splicedBytes = 0;
  }

  /** The output in order: own bytes and spliced runs. Write no more, or `clear` first. */
  finish(): Uint8Array[] {
    if (this.#splices.length === 0) return [this.#buffer.subarray(0, this.#position)];
    const chunks: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#splices) {
      if (at > from) chunks.push(this.#buffer.subarray(from, at));
      chunks.push(bytes);
      from = at;
    }
    if (this.#position > from) chunks.push(this.#buffer.subarray(from, this.#position));
    return chunks;
  }

  /** The output as one run; copies when something was spliced. */
  toBytes(): Uint8Array {
    return joinBytes(this.finish());
  }

  #reserve(sizeBytes: number): number {
    const at = this.#position;
    if (at + sizeBytes > this.#buffer.length) this.#grow(at + sizeBytes);
    this.#position = at + sizeBytes;
    return at;
  }

  #grow(sizeBytesMin: number): void {
    const larger = new Uint8Array(Math.max(sizeBytesMin, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#position));
    this.#buffer = larger;
  }
}

/** One run of all `chunks`; a single chunk is answered as it is, not copied. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const joined = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}

/** The four below trust `at`: the caller has checked that the bytes are there. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

export function readInt64(bytes: Uint8Array, at: number): Int64 {
  const high = readInt32(bytes, at);
  const low = readInt32(bytes, at + 4) >>> 0;
  const value = high * two32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

export function writeInt64(bytes: Uint8Array, at: number, value: Int64): void {
  if (typeof value === "bigint") {
    writeInt32(bytes, at, Number(BigInt.asIntN(32, value >> 32n)));
    writeInt32(bytes, at + 4, Number(BigInt.asIntN(32, value)));
    return;
  }
  const high = Math.floor(value / two32);
  writeInt32(bytes, at, high);
  writeInt32(bytes, at + 4, value - high * two32);
}

/** The number of that value where it is exact. */
export function narrowInt64(value: bigint): Int64 {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
