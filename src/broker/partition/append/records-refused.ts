import { type ErrorCode, XylemError } from "../../../base/errors.ts";

/** A batch refused for some of its records; Produce names them (KIP-467). */
export class RecordsRefused extends XylemError {
  override name = "RecordsRefused";
  /** Of the first thousand, ascending. */
  readonly recordIndexes: readonly number[];

  constructor(code: ErrorCode, detail: string, recordIndexes: readonly number[]) {
    super(code, detail);
    this.recordIndexes = recordIndexes;
  }
}
