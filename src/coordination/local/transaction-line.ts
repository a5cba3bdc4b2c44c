import type { Crc32c } from "../../base/crc32c.ts";
import { XylemError } from "../../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";

/*
 * The file is text, one line for each flush:
 *
 *   <CRC-32C of the rest, 8 hex digits> <JSON>\n
 *
 * The first line is the header {"format","version","revision"}; each further one is a list of
 * transactions [{"revision","writes":[{"key","value"}]}], revisions rising, null deletes. A write
 * may name a "lease": whoever opens the file deletes it, for leases end with the process. After a
 * compaction the header's revision is the one at which the file was rewritten, and the lines that
 * follow hold what was alive then, under the revision that wrote it last.
 */

export interface Transaction {
  readonly revision: number;
  readonly writes: readonly StoredWrite[];
}

export interface StoredWrite {
  readonly key: string;
  readonly value: string | null;
  /** The id of the lease it is bound to. */
  readonly lease?: string;
}

interface Header {
  readonly format: string;
  readonly version: number;
  readonly revision: number;
}

/** What a file holds. `sizeBytes` is its good part; bytes past it are a torn last line. */
export interface Replay {
  readonly revision: number;
  readonly transactions: readonly Transaction[];
  readonly sizeBytes: number;
}

const format = "xylem-coordinator";
const version = 1;
const newline = 10;
const prefixLength = 9;
/** JSON escapes what lies below. */
const firstPrintable = 0x20;

export const headerLine = (revision: number, crc32c: Crc32c): Uint8Array =>
  line({ format, version, revision } satisfies Header, crc32c);

export const transactionLine = (transactions: readonly Transaction[], crc32c: Crc32c): Uint8Array =>
  line(transactions, crc32c);

/**
 * Reads a whole file. A last line that a crash cut or tore is left out: it was never confirmed.
 * Any other damage throws KAFKA_STORAGE_ERROR, for nothing that was confirmed may be lost silently.
 */
export function replayLines(bytes: Uint8Array, crc32c: Crc32c): Replay {
  const lines = splitLines(bytes);
  const transactions: Transaction[] = [];
  let header: Header | undefined;
  let sizeBytes = 0;
  for (const [at, { start, end }] of lines.entries()) {
    const text = bytes.subarray(start, end);
    const isEnded = end < bytes.length;
    const value = isEnded ? parseLine(text, crc32c) : undefined;
    if (value === undefined) {
      if (header !== undefined && isTorn(bytes.subarray(start), crc32c)) break;
      throw damaged(`line ${at + 1}, byte ${start}`);
    }
    if (header === undefined) header = checkHeader(value);
    else transactions.push(...(value as readonly Transaction[]));
    sizeBytes = end + 1;
  }
  if (header === undefined) throw damaged("its first line");
  const revision = checkOrder(header.revision, transactions);
  return { revision, transactions, sizeBytes };
}

function line(value: unknown, crc32c: Crc32c): Uint8Array {
  const text = JSON.stringify(value);
  return encodeUtf8(`${prefixOf(encodeUtf8(text), crc32c)}${text}\n`);
}

/** The sum as it is written, and the blank after it. */
function prefixOf(json: Uint8Array, crc32c: Crc32c): string {
  return `${crc32c(json).toString(16).padStart(8, "0")} `;
}

function splitLines(
  bytes: Uint8Array,
): readonly { readonly start: number; readonly end: number }[] {
  const lines: { start: number; end: number }[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start);
    const end = found < 0 ? bytes.length : found;
    lines.push({ start, end });
    start = end + 1;
  }
  return lines;
}

function parseLine(text: Uint8Array, crc32c: Crc32c): unknown {
  const json = text.subarray(prefixLength);
  const isWhole = decodeUtf8(text.subarray(0, prefixLength)) === prefixOf(json, crc32c);
  return isWhole ? JSON.parse(decodeUtf8(json)) : undefined;
}

/**
 * Whether what a file ends with was never confirmed: no whole line is in it, and it is no line that
 * one bit spoiled. What a crash leaves in a block may be garbage, with line ends of its own.
 */
function isTorn(tail: Uint8Array, crc32c: Crc32c): boolean {
  const [first, ...later] = splitLines(tail);
  if (first === undefined) return false;
  const isWhole = later.some(({ start, end }) => {
    return end < tail.length && parseLine(tail.subarray(start, end), crc32c) !== undefined;
  });
  if (isWhole) return false;
  if (hasForeignBytes(tail)) return true;
  if (later.length > 0) return false;
  const text = tail.subarray(0, first.end);
  return first.end < tail.length ? hasUnwritten(text) : !hasSpoiledEnd(text, crc32c);
}

/** Whether two bytes or more can not be of a line: one may be a spoiled one. */
function hasForeignBytes(tail: Uint8Array): boolean {
  const last = tail.length - 1;
  let count = 0;
  for (let at = 0; at <= last; at += 1) {
    const byte = tail[at] as number;
    const isEnd = at === last && byte === newline;
    const isOfSum = at >= prefixLength - 1 || isHexDigit(byte);
    if (!isEnd && (byte < firstPrintable || !isOfSum)) count += 1;
  }
  return count > 1;
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}

/** Whether a block of it never reached the disk: one zero alone in a line is a spoiled blank. */
function hasUnwritten(text: Uint8Array): boolean {
  const first = text.indexOf(0);
  const isAtEdge = first === 0 || first === text.length - 1;
  return first >= 0 && (isAtEdge || text[first + 1] === 0);
}

/**
 * A whole line behind which something else stands than its end: it was confirmed, and is damaged.
 * A zero there was never written.
 */
function hasSpoiledEnd(text: Uint8Array, crc32c: Crc32c): boolean {
  return text.at(-1) !== 0 && parseLine(text.subarray(0, -1), crc32c) !== undefined;
}

function checkHeader(value: unknown): Header {
  const header = value as Header;
  if (header.format !== format || header.version > version) {
    throw new XylemError(
      "KAFKA_STORAGE_ERROR",
      `The coordinator's file has format ${header.format} ${header.version}; ` +
        `this version reads ${format} ${version}`,
    );
  }
  return header;
}

/** Past the header's revision each transaction follows on the one before: a gap is a lost line. */
function checkOrder(floor: number, transactions: readonly Transaction[]): number {
  let last = 0;
  for (const { revision } of transactions) {
    const isNext = revision > floor ? revision === Math.max(last, floor) + 1 : revision >= last;
    if (!isNext) throw damaged(`revision ${revision}, which does not follow ${last}`);
    last = revision;
  }
  return Math.max(floor, last);
}

function damaged(where: string): XylemError {
  return new XylemError(
    "KAFKA_STORAGE_ERROR",
    `The coordinator's file is damaged at ${where}: topics and configs cannot be trusted. ` +
      "Restore the file from a backup; nothing was changed.",
  );
}
