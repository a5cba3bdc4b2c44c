import { MalformedError } from "../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../base/text.ts";
import { sumInBlanks } from "./sum-in-blanks.ts";

/**
 * A log is to end elsewhere. Written down before the first file is touched, so that who finds it
 * after a crash goes on; doing it twice is harmless.
 */
export interface TruncationNote {
  /** The segment that becomes the last one. */
  readonly baseOffset: number;
  /** Bytes of its log that stay. */
  readonly sizeBytes: number;
  /** The next offset to be appended. */
  readonly end: number;
  /** Its log may be another partition's too: a copy takes its place. */
  readonly isShared: boolean;
  /** Offsets below `end` may be in no batch: an empty segment behind says where the log goes on. */
  readonly hasGap: boolean;
  /** Nothing stays, and the log starts at `end`. */
  readonly isRestart: boolean;
}

const version = "0";
const fieldPattern = /^\d{1,16}$/;

/** The version, then `baseOffset sizeBytes end isShared hasGap isRestart`, then a sum in blanks. */
export function formatTruncationNote(note: TruncationNote): Uint8Array {
  const { baseOffset, sizeBytes, end, isShared, hasGap, isRestart } = note;
  const fields = [baseOffset, sizeBytes, end, ...[isShared, hasGap, isRestart].map(Number)];
  const text = `${version}\n${fields.join(" ")}`;
  return encodeUtf8(`${text}${sumInBlanks(text)}\n`);
}

/** Throws MalformedError for anything that `formatTruncationNote` did not write. */
export function parseTruncationNote(bytes: Uint8Array): TruncationNote {
  const text = decodeUtf8(bytes);
  const fields = (text.split("\n")[1] ?? "").trim().split(" ");
  if (fields.length !== 6 || !fields.every((field) => fieldPattern.test(field))) {
    throw new MalformedError(`truncation note "${text.trim()}"`);
  }
  const [baseOffset, sizeBytes, end, isShared, hasGap, isRestart] = fields.map(Number) as Fields;
  const flags = { isShared: isShared === 1, hasGap: hasGap === 1, isRestart: isRestart === 1 };
  const note = { baseOffset, sizeBytes, end, ...flags };
  if (decodeUtf8(formatTruncationNote(note)) !== text) {
    throw new MalformedError("the sum of a truncation note is wrong");
  }
  return note;
}

type Fields = [number, number, number, number, number, number];
