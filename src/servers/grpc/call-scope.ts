import type { RecordScope } from "../../broker/records/stored-record.ts";
import type { CallMemory } from "./call-memory.ts";

/** What every call works on. */
export interface CallScope extends RecordScope {
  readonly memory: CallMemory;
  /** Aborts when the door closes: calls that wait end then. */
  readonly stopping: AbortSignal;
}

/** Until users are built in, everybody is nobody in particular. */
export const clientId = "grpc";
