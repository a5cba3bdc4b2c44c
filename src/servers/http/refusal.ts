import type { ErrorCode, ErrorFacts } from "../../base/errors.ts";

/** What only HTTP refuses: methods, media types, preconditions. All else is a XylemError. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly status: number;
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly facts: ErrorFacts | undefined;

  constructor(
    status: number,
    detail: string,
    more: {
      readonly code?: ErrorCode;
      readonly headers?: Readonly<Record<string, string>>;
      readonly facts?: ErrorFacts;
    } = {},
  ) {
    super(detail);
    this.status = status;
    this.code = more.code ?? "INVALID_REQUEST";
    this.headers = more.headers ?? {};
    this.facts = more.facts;
  }
}
