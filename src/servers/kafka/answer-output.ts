import type { Socket } from "node:net";
import { ByteWriter } from "../../base/bytes.ts";
import type { ReadLease } from "../../broker/partition/partition-log.ts";
import type { AnswerSink } from "./request-line.ts";
import type { Traffic } from "./traffic.ts";

const answerBytesExpected = 1_024;

/** The way out of a connection: the answers of one turn of the loop leave together. */
export class AnswerOutput implements AnswerSink {
  readonly #socket: Socket;
  readonly #traffic: Traffic;
  readonly #onFlushed: () => void;
  #writer: ByteWriter | undefined;
  #leases: ReadLease[] = [];

  /** `onFlushed`: the client's side has taken all that left in a turn. */
  constructor(socket: Socket, traffic: Traffic, onFlushed: () => void) {
    this.#socket = socket;
    this.#traffic = traffic;
    this.#onFlushed = onFlushed;
  }

  /** Takes answers until the end of this turn. */
  open(): ByteWriter {
    if (this.#writer !== undefined) return this.#writer;
    this.#writer = new ByteWriter(answerBytesExpected);
    process.nextTick(() => this.#flush());
    return this.#writer;
  }

  lend(leases: readonly ReadLease[]): void {
    for (const lease of leases) this.#leases.push(lease);
  }

  get isEmpty(): boolean {
    return this.#writer === undefined;
  }

  /** Bytes that the client has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength + (this.#writer?.sizeBytes ?? 0);
  }

  /** Forgets what has not left. */
  drop(): void {
    this.#writer = undefined;
    this.#leases = [];
  }

  #flush(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    const leases = this.#leases;
    this.#leases = [];
    if (writer === undefined || !this.#socket.writable) return;
    this.#traffic.bytesOut += writer.sizeBytes;
    const chunks = writer.finish();
    const last = chunks.pop();
    if (chunks.length > 0) this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    if (last !== undefined) this.#socket.write(last, (error) => this.#left(leases, error));
    if (chunks.length > 0) this.#socket.uncork();
  }

  /** Of a write that failed the system may not be done with the memory: it is not used again. */
  #left(leases: readonly ReadLease[], error: Error | null | undefined): void {
    if (error === undefined || error === null) for (const lease of leases) lease.release();
    this.#onFlushed();
  }
}
