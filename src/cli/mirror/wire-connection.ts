import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  type ApiName,
  apiTable,
  type ReceivedResponseOf,
  type SentRequestOf,
} from "../../protocol/api-table.ts";
import { RequestFrames } from "../../protocol/request-frames.ts";
import type { VersionRange } from "../../protocol/schema/versions.ts";
import { WireFailure } from "./wire-failure.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** An answer is a fetch at its largest; one batch may be larger than what was asked for. */
const frameBytesMax = 256 * 1024 * 1024;
const connectMsMax = 5_000;
/** A broker that leaves a request unanswered for so long has lost it. */
const answerMsMax = 45_000;

/** The newest versions that the mirror's requests are written for: topics by name, one group. */
const versionsMax: Partial<Record<ApiName, number>> = {
  ApiVersions: 0,
  Metadata: 12,
  Fetch: 12,
  Produce: 12,
  ListOffsets: 9,
  OffsetFetch: 7,
  OffsetCommit: 9,
  FindCoordinator: 3,
};

/** A request, or what is asked in the version that both sides know. */
export type Body<Name extends ApiName> =
  | SentRequestOf<Name>
  | ((version: number) => SentRequestOf<Name>);

interface Waiting {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

/** One connection to a broker of any product. Record batches pass as bytes, nothing is decoded. */
export class WireConnection {
  readonly #socket: Socket;
  readonly #address: string;
  readonly #frames = new RequestFrames<Waiting>("xylem-mirror", frameBytesMax);
  #offered = new Map<number, VersionRange>();

  private constructor(socket: Socket, { host, port }: BrokerAddress) {
    this.#socket = socket;
    this.#address = `${host}:${port}`;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    });
    socket.on("error", () => undefined);
    socket.on("close", () => this.#end("closed the connection"));
  }

  /** Throws WireFailure when nobody answers there. */
  static async open(address: BrokerAddress): Promise<WireConnection> {
    const { host, port } = address;
    const socket = connect({ host, port });
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(connectMsMax) });
    } catch (error) {
      socket.destroy();
      const why = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
      throw new WireFailure(`no broker answers at ${host}:${port}${why}`, { isNetwork: true });
    }
    const connection = new WireConnection(socket, address);
    const { errorCode, apiKeys } = await connection.#send("ApiVersions", 0, {});
    if (errorCode !== 0) throw WireFailure.ofCode(errorCode, `${host}:${port}, ApiVersions`);
    connection.#offered = new Map(
      apiKeys.map(({ apiKey, minVersion: min, maxVersion: max }) => [apiKey, { min, max }]),
    );
    return connection;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends a request in the newest version that both sides know. Rejects with WireFailure. */
  call<Name extends ApiName>(
    name: Name,
    body: Body<Name>,
    bounds: Partial<VersionRange> = {},
  ): Promise<ReceivedResponseOf<Name>> {
    const { key, served } = apiTable[name];
    const offered = this.#offered.get(key) ?? { min: 0, max: -1 };
    const versionMax = bounds.max ?? versionsMax[name] ?? served.max;
    const version = Math.min(versionMax, served.max, offered.max);
    if (version < Math.max(served.min, offered.min, bounds.min ?? 0)) {
      const detail = `${this.#address} offers no version of ${name} that the mirror can use`;
      return Promise.reject(new WireFailure(detail, { isFinal: true }));
    }
    return this.#send(name, version, typeof body === "function" ? body(version) : body);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    if (!this.isOpen) return Promise.reject(this.#failure("closed the connection"));
    return new Promise((resolve, reject) => {
      const settle = resolve as (received: unknown) => void;
      const waiter: Waiting = { resolve: settle, reject, timer: undefined };
      const writer = this.#frames.write({ name, version, body }, waiter);
      const late = (): void => this.#end(`did not answer ${name} within ${answerMsMax} ms`);
      waiter.timer = setTimeout(late, answerMsMax);
      this.#socket.cork();
      for (const chunk of writer.finish()) this.#socket.write(chunk);
      this.#socket.uncork();
    });
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const { waiter, body } of this.#frames.push(chunk)) {
        clearTimeout(waiter.timer);
        waiter.resolve(body);
      }
    } catch (error) {
      this.#end(`sent what is no answer: ${error instanceof Error ? error.message : ""}`);
    }
  }

  #end(why: string): void {
    this.#socket.destroy();
    for (const { reject, timer } of this.#frames.takeAll()) {
      clearTimeout(timer);
      reject(this.#failure(why));
    }
  }

  #failure(why: string): WireFailure {
    return new WireFailure(`${this.#address} ${why}`, { isNetwork: true });
  }
}
