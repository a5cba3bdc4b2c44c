import { createContextKey } from "@connectrpc/connect";
import type { RecordScope } from "../../broker/records/stored-record.ts";
import type { CallMemory, CallShare } from "./call-memory.ts";

/** What every call works on. */
export interface CallScope extends RecordScope {
  readonly memory: CallMemory;
  /** Aborts when the door closes: calls that wait end then. */
  readonly stopping: AbortSignal;
}

/** What a call holds, for its handler: records count there before they are read. */
export const shareKey = createContextKey<CallShare | undefined>(undefined);

/** Until users are built in, everybody is nobody in particular. */
export const clientId = "grpc";
