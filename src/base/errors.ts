import { catalogue, type ErrorRow } from "./error-catalogue.ts";

export type ErrorCode = keyof typeof catalogue;

/** What a client may see. Every door turns it into its own form through the catalogue. */
export class XylemError extends Error {
  override name = "XylemError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.code = code;
  }

  get row(): ErrorRow {
    return catalogue[this.code];
  }

  /** The code on the Kafka wire. */
  get kafka(): number {
    return catalogue[this.code].kafka;
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
