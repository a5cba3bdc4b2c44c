import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { type ApiName, apiTable } from "./api-table.ts";
import { FrameAssembler } from "./frame.ts";
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from "./messages/headers.ts";
import type { MessageCodec } from "./schema/message.ts";

export interface AskedRequest {
  readonly name: ApiName;
  readonly version: number;
  readonly body: unknown;
}

/** An answer, and who waits for it. */
export interface ReceivedAnswer<Waiter> {
  readonly waiter: Waiter;
  readonly body: unknown;
}

interface Awaited<Waiter> {
  readonly response: MessageCodec;
  readonly version: number;
  readonly waiter: Waiter;
}

/**
 * A client's side of one connection to a broker: requests become frames with numbers, and by these
 * answers find who waits for them.
 */
export class RequestFrames<Waiter> {
  readonly #clientId: string;
  readonly #frames: FrameAssembler;
  readonly #awaited = new Map<number, Awaited<Waiter>>();
  #correlationId = 0;

  constructor(clientId: string, frameBytesMax: number) {
    this.#clientId = clientId;
    this.#frames = new FrameAssembler(frameBytesMax);
  }

  /** The frame of a request; `waiter` undefined: a broker does not answer it. */
  write({ name, version, body }: AskedRequest, waiter: Waiter | undefined): ByteWriter {
    const { key, request, response } = apiTable[name];
    const codec: MessageCodec = request;
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) % 2 ** 31;
    const writer = new ByteWriter();
    const size = writer.reserveInt32();
    const api = { requestApiKey: key, requestApiVersion: version };
    const header = { ...api, correlationId, clientId: this.#clientId };
    RequestHeader.write(writer, header, requestHeaderVersion(codec, version));
    codec.write(writer, body, version);
    writer.patchInt32(size, writer.sizeBytes - 4);
    if (waiter !== undefined) this.#awaited.set(correlationId, { response, version, waiter });
    return writer;
  }

  /** The answers that are whole with this chunk. Throws MalformedError on what is none. */
  *push(chunk: Uint8Array): Generator<ReceivedAnswer<Waiter>> {
    for (const frame of this.#frames.push(chunk)) {
      const reader = new ByteReader(frame);
      const awaited = this.#awaited.get(new ByteReader(frame).int32());
      if (awaited === undefined) continue;
      const { response, version, waiter } = awaited;
      const header = ResponseHeader.read(reader, responseHeaderVersion(response, version));
      const body = response.read(reader, version);
      this.#awaited.delete(header.correlationId);
      yield { waiter, body };
    }
  }

  /** Everybody who waits; nobody does any more. */
  takeAll(): Waiter[] {
    const waiters = Array.from(this.#awaited.values(), ({ waiter }) => waiter);
    this.#awaited.clear();
    return waiters;
  }
}
