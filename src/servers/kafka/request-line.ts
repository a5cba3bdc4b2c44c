import { assert } from "../../base/assert.ts";
import { ByteWriter } from "../../base/bytes.ts";
import type { ReadLease } from "../../broker/partition/partition-log.ts";
import type { PendingRequest } from "./pending-request.ts";

/** Where answers leave. */
export interface AnswerSink {
  open(): ByteWriter;
  /** What was written is released once it has left. */
  lend(leases: readonly ReadLease[]): void;
}

/**
 * The requests of a connection in the order they came. They start in that order, are done in any,
 * and their answers leave in that order again: an answer that is early is kept as bytes.
 */
export class RequestLine {
  readonly #requests: PendingRequest[] = [];
  #startedCount = 0;
  #heldBytes = 0;

  get length(): number {
    return this.#requests.length;
  }

  get startedCount(): number {
    return this.#startedCount;
  }

  /** Bytes of answers that wait for earlier ones. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The first that has not been started. */
  get next(): PendingRequest | undefined {
    return this.#requests[this.#startedCount];
  }

  get last(): PendingRequest | undefined {
    return this.#requests.at(-1);
  }

  push(request: PendingRequest): void {
    this.#requests.push(request);
  }

  start(): void {
    assert(this.#startedCount < this.#requests.length, "no request is left to start");
    this.#startedCount += 1;
  }

  /** Writes the answer at its turn, with those that waited for it. Undefined: none is owed. */
  settle(request: PendingRequest, answer: unknown, output: AnswerSink): void {
    assert(!request.isDone, "a request was answered twice");
    request.isDone = true;
    if (request !== this.#requests[0]) return this.#keep(request, answer);
    if (answer !== undefined) request.writeAnswer(output.open(), answer);
    output.lend(request.leases);
    this.#shift();
    for (let next = this.#requests[0]; next?.isDone; next = this.#requests[0]) {
      for (const chunk of next.chunks) output.open().raw(chunk);
      output.lend(next.leases);
      this.#heldBytes -= next.chunkBytes;
      this.#shift();
    }
  }

  /** Takes out those that were not started. */
  dropUnstarted(): PendingRequest[] {
    return this.#requests.splice(this.#startedCount);
  }

  /** Takes out all. */
  clear(): PendingRequest[] {
    this.#startedCount = 0;
    this.#heldBytes = 0;
    return this.#requests.splice(0);
  }

  #keep(request: PendingRequest, answer: unknown): void {
    if (answer === undefined) return;
    const writer = new ByteWriter();
    request.writeAnswer(writer, answer);
    request.chunks = writer.finish();
    request.chunkBytes = writer.sizeBytes;
    this.#heldBytes += request.chunkBytes;
  }

  #shift(): void {
    this.#requests.shift();
    this.#startedCount -= 1;
  }
}
