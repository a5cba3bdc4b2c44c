import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";

type Bounds = Pick<NodeSettings, "append.max.headers" | "append.max.records">;

/** What a client hands in at once, before anything is made of it. Throws RECORD_LIST_TOO_LARGE. */
export function checkRecordCount(count: number, settings: Bounds): void {
  const most = settings["append.max.records"];
  if (count <= most) return;
  const detail = `a request has more than ${most} records: append.max.records`;
  throw new XylemError("RECORD_LIST_TOO_LARGE", detail);
}

/** Throws INVALID_RECORD. */
export function checkHeaderCount(count: number, settings: Bounds): void {
  const most = settings["append.max.headers"];
  if (count <= most) return;
  const detail = `a record has more than ${most} headers: append.max.headers`;
  throw new XylemError("INVALID_RECORD", detail);
}
