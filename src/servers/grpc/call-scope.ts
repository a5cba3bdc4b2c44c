import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import {
  contentBytes,
  type RecordScope,
  type StoredRecord,
} from "../../broker/records/stored-record.ts";
import type { CallMemory, CallShare } from "./call-memory.ts";

/** What every call works on. */
export interface CallScope extends RecordScope {
  readonly memory: CallMemory;
  /** Aborts when the door closes: calls that wait end then. */
  readonly stopping: AbortSignal;
}

/** What a call holds, for its handler. */
export const shareKey = createContextKey<CallShare | undefined>(undefined);

/** Counts records that go into an answer. Throws THROTTLING_QUOTA_EXCEEDED when they do not fit. */
export function holdRecords(records: readonly StoredRecord[], context: HandlerContext): void {
  let sizeBytes = 0;
  for (const record of records) sizeBytes += contentBytes(record);
  context.values.get(shareKey)?.take(sizeBytes);
}

/** Until users are built in, everybody is nobody in particular. */
export const clientId = "grpc";
