import type { Worker } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type {
  CompactionTask,
  RewriteOrder,
  RewrittenSegment,
} from "../../broker/ports/compactor.ts";
import type { WorkerAnswer, WorkerRequest } from "./worker-messages.ts";

type Answer<Kind extends WorkerAnswer["kind"]> = Extract<WorkerAnswer, { kind: Kind }>;

/** This thread's side of a compaction worker: one request under way, and its answer. */
export class PassWorker {
  readonly #thread: Worker;
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>;
  #waiting: { resolve: (answer: WorkerAnswer) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  constructor(thread: Worker) {
    this.#thread = thread;
    thread.on("message", (answer: WorkerAnswer) => this.#take(answer));
    thread.on("messageerror", (error: Error) => this.#fail(error));
    thread.on("error", (error: Error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      thread.once("exit", (code) => {
        this.#fail(new Error(`the compaction thread ended with ${code}`));
        resolve();
      });
    });
  }

  begin(task: CompactionTask): Promise<Answer<"begun">> {
    return this.#ask({ kind: "begin", task }, "begun");
  }

  async rewrite(order: RewriteOrder): Promise<RewrittenSegment> {
    const { segment } = await this.#ask({ kind: "rewrite", order }, "rewritten");
    return segment;
  }

  async end(): Promise<void> {
    await this.#ask({ kind: "end" }, "ended");
  }

  /** Has the request under way end soon. */
  cancel(): void {
    this.#thread.postMessage({ kind: "cancel" } satisfies WorkerRequest);
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }

  async #ask<Kind extends WorkerAnswer["kind"]>(
    request: WorkerRequest,
    expected: Kind,
  ): Promise<Answer<Kind>> {
    assert(this.#waiting === undefined, "one request at a time is asked of a worker");
    if (this.#failure !== undefined) throw this.#failure;
    const answer = await new Promise<WorkerAnswer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#thread.postMessage(request);
    });
    if (answer.kind === "failed") throw toError(answer);
    assert(answer.kind === expected, `a worker answered ${answer.kind}, not ${expected}`);
    return answer as Answer<Kind>;
  }

  #take(answer: WorkerAnswer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}

function toError({ code, message }: Answer<"failed">): Error {
  return code === undefined ? new Error(message) : new XylemError(code, message);
}
