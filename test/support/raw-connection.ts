import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { apiTable, type ApiName } from "../../src/protocol/api-table.ts";
import type { ReceivedResponseOf, SentRequestOf } from "../../src/protocol/api-table.ts";
import { FrameAssembler } from "../../src/protocol/frame.ts";
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from "../../src/protocol/messages/headers.ts";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";

const frameBytesMax = 2 ** 31 - 1;
/** A broker that leaves a request unanswered for so long has lost it. */
const answerWithinMs = 45_000;
const connectWithinMs = 5_000;

interface Waiting {
  readonly response: MessageCodec;
  readonly version: number;
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly sinceMs: number;
}

/**
 * One connection that speaks the protocol with no client's rules on top: any version, any bytes,
 * many requests under way. Answers are matched by correlation id; a close fails what waits.
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #frames = new FrameAssembler(frameBytesMax);
  readonly #waiting = new Map<number, Waiting>();
  readonly #closed: Promise<unknown>;
  #correlationId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.on("close", resolve));
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    });
    socket.on("error", () => undefined);
    const watch = setInterval(() => this.#failLate(), 1_000);
    socket.on("close", () => {
      clearInterval(watch);
      this.#fail(new Error("the broker closed the connection"));
    });
  }

  static async open(port: number, host = "127.0.0.1"): Promise<RawConnection> {
    const socket = connect(port, host);
    const late = setTimeout(() => socket.destroy(new Error("no connection")), connectWithinMs);
    await once(socket, "connect").finally(() => clearTimeout(late));
    return new RawConnection(socket);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Resolves when either side has closed. */
  get closed(): Promise<unknown> {
    return this.#closed;
  }

  /** Sends a request and answers its response. */
  request<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    if (this.isClosed) return Promise.reject(new Error("the connection is closed"));
    const correlationId = this.post(name, version, body);
    const { response } = apiTable[name];
    return new Promise((resolve, reject) => {
      const settle = resolve as (received: unknown) => void;
      const waiting = { response, version, resolve: settle, reject, sinceMs: performance.now() };
      this.#waiting.set(correlationId, waiting);
    });
  }

  /** Sends a request whose answer, if any, nobody waits for; answers its correlation id. */
  post<Name extends ApiName>(name: Name, version: number, body: SentRequestOf<Name>): number {
    const row = apiTable[name];
    const correlationId = this.#correlationId++;
    const codec: MessageCodec = row.request;
    const writer = new ByteWriter();
    const size = writer.reserveInt32();
    const header = {
      requestApiKey: row.key,
      requestApiVersion: version,
      correlationId,
      clientId: "raw",
    };
    RequestHeader.write(writer, header, requestHeaderVersion(codec, version));
    codec.write(writer, body, version);
    writer.patchInt32(size, writer.sizeBytes - 4);
    this.#socket.cork();
    for (const chunk of writer.finish()) this.#socket.write(chunk);
    this.#socket.uncork();
    return correlationId;
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Reads no further answers, so that they pile up on the way. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    for (const frame of this.#frames.push(chunk)) {
      const waiting = this.#waiting.get(new ByteReader(frame).int32());
      if (waiting === undefined) continue;
      this.#settle(waiting, frame);
    }
  }

  #settle({ response, version, resolve, reject }: Waiting, frame: Uint8Array): void {
    try {
      const reader = new ByteReader(frame);
      const headerVersion = responseHeaderVersion(response, version);
      const { correlationId } = ResponseHeader.read(reader, headerVersion);
      this.#waiting.delete(correlationId);
      const body = response.read(reader, version);
      if (reader.left > 0) throw new Error(`${response.name}: ${reader.left} bytes left over`);
      resolve(body);
    } catch (error) {
      reject(error as Error);
    }
  }

  #failLate(): void {
    const [oldest] = this.#waiting.values();
    if (oldest === undefined || performance.now() - oldest.sinceMs < answerWithinMs) return;
    this.#fail(new RangeError(`no ${oldest.response.name} within ${answerWithinMs} ms`));
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
