import { catalogue, corruptInStore, type ErrorRow } from "./error-catalogue.ts";

export type ErrorCode = keyof typeof catalogue;

/** Numbers and names behind an error that a program may act on, such as the valid offsets. */
export type ErrorFacts = Readonly<Record<string, unknown>>;

/** What a client sent is part of many a detail, and may be as long as a request. */
const detailCharsMax = 2_000;

/** What a client may see. Every door turns it into its own form through the catalogue. */
export class XylemError extends Error {
  override name = "XylemError";
  readonly code: ErrorCode;
  /** JSON; doors that have fields beside the text show them (RFC 9457, extension members). */
  readonly facts: ErrorFacts | undefined;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown; facts?: ErrorFacts }) {
    const isLong = detail.length > detailCharsMax;
    super(isLong ? `${detail.slice(0, detailCharsMax)}…` : detail, options);
    this.code = code;
    this.facts = options?.facts;
  }

  get row(): ErrorRow {
    return catalogue[this.code];
  }

  /** The code on the Kafka wire. */
  get kafka(): number {
    return catalogue[this.code].kafka;
  }
}

/**
 * What is stored can not be read, and will not be by trying again: a system that is out of room,
 * rights or descriptors says no such thing.
 */
export class DamageError extends XylemError {
  /** Who reads is not at fault, as one is who sends what is corrupt. */
  override get row(): ErrorRow {
    return this.code === "CORRUPT_MESSAGE" ? corruptInStore : super.row;
  }
}

/** Bytes from outside that do not follow their format: truncated, oversized or inconsistent. */
export class MalformedError extends Error {
  override name = "MalformedError";
}

/** The number of an error on the Kafka wire. */
export function kafkaCode(code: ErrorCode): number {
  return catalogue[code].kafka;
}
