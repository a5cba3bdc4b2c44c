import type { ErrorCode } from "../../base/errors.ts";
import type {
  CompactionTask,
  RewriteOrder,
  RewrittenSegment,
} from "../../broker/ports/compactor.ts";

/** What the worker is started with. */
export interface WorkerStart {
  /** The data directory. */
  readonly root: string;
}

/** To the worker: one at a time is answered, `cancel` never is. */
export type WorkerRequest =
  | { readonly kind: "begin"; readonly task: CompactionTask }
  | { readonly kind: "rewrite"; readonly order: RewriteOrder }
  | { readonly kind: "end" }
  | { readonly kind: "cancel" };

export type WorkerAnswer =
  | { readonly kind: "begun"; readonly endOffset: number; readonly bytesRead: number }
  | { readonly kind: "rewritten"; readonly segment: RewrittenSegment }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly code: ErrorCode | undefined; readonly message: string };
