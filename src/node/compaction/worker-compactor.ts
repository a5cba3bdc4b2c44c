import { Worker } from "node:worker_threads";
import type { Cancel, Clock } from "../../base/clock.ts";
import type {
  Cancellation,
  CompactionPass,
  CompactionTask,
  Compactor,
  RewriteOrder,
  RewrittenSegment,
} from "../../broker/ports/compactor.ts";
import { PassWorker } from "./pass-worker.ts";
import type { WorkerStart } from "./worker-messages.ts";

/** A thread that nothing was asked of for so long is ended. */
const idleMsMax = 10_000;

/** The compiled entry, or, where the sources run as they are, its source. */
const entryName = `./compaction-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`;

/** Compacts files in threads of their own, one for each pass that goes on at a time. */
export class WorkerCompactor implements Compactor {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #workers = new Set<PassWorker>();
  /** Those without a pass, and what ends them. */
  readonly #idle = new Map<PassWorker, Cancel>();

  constructor(root: string, clock: Clock) {
    this.#root = root;
    this.#clock = clock;
  }

  async begin(task: CompactionTask, cancellation: Cancellation): Promise<CompactionPass> {
    const worker = this.#takeWorker();
    const begun = worker.begin(task);
    // Behind the request: a wish that came before it would be another pass's.
    const forget = cancellation.onWish(() => worker.cancel());
    const end = async (): Promise<void> => {
      forget();
      await worker.end().catch(() => undefined);
      this.#release(worker);
    };
    try {
      const { endOffset, bytesRead } = await begun;
      const rewrite = (order: RewriteOrder): Promise<RewrittenSegment> => worker.rewrite(order);
      return { endOffset, bytesRead, rewrite, end };
    } catch (error) {
      await end();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const cancel of this.#idle.values()) cancel();
    this.#idle.clear();
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #takeWorker(): PassWorker {
    for (const [worker, cancel] of this.#idle) {
      cancel();
      this.#idle.delete(worker);
      return worker;
    }
    const workerData: WorkerStart = { root: this.#root };
    const thread = new Worker(new URL(entryName, import.meta.url), { workerData });
    thread.unref();
    const worker = new PassWorker(thread);
    this.#workers.add(worker);
    void worker.ended.then(() => this.#forget(worker));
    return worker;
  }

  #release(worker: PassWorker): void {
    if (!this.#workers.has(worker)) return;
    const cancel = this.#clock.schedule(idleMsMax, () => void worker.terminate());
    this.#idle.set(worker, cancel);
  }

  #forget(worker: PassWorker): void {
    this.#workers.delete(worker);
    this.#idle.get(worker)?.();
    this.#idle.delete(worker);
  }
}
