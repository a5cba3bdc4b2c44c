import type {
  Cancellation,
  CompactionPass,
  CompactionTask,
  Compactor,
} from "../../ports/compactor.ts";
import { type PassParts, SegmentPass } from "./segment-pass.ts";

/** What is done at a time: others wait for so long. */
const sliceBytes = 64 * 1024;

/** Compacts in slices between the other work of its thread: for stores in memory. */
export class InProcessCompactor implements Compactor {
  readonly #parts: PassParts;

  constructor(parts: PassParts) {
    this.#parts = parts;
  }

  begin(task: CompactionTask, cancellation: Cancellation): Promise<CompactionPass> {
    const bufferBytes = Math.min(task.limits.bufferBytes, sliceBytes);
    const limits = { ...task.limits, bufferBytes };
    return SegmentPass.begin({ ...task, limits }, this.#parts, cancellation);
  }

  async close(): Promise<void> {}
}
