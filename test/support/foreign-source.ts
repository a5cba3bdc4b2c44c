import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { type ApiName, apiTable } from "../../src/protocol/api-table.ts";
import { FrameAssembler } from "../../src/protocol/frame.ts";
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from "../../src/protocol/messages/headers.ts";
import { batchOf } from "./raw-client.ts";

export interface ForeignRecord {
  readonly value: string;
  /** Of the leader that took it. */
  readonly epoch: number;
}

interface Asked {
  readonly partition: number;
  readonly fetchOffset: bigint | number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
}

const served: readonly ApiName[] = [
  "ApiVersions",
  "Metadata",
  "ListOffsets",
  "Fetch",
  "DescribeConfigs",
];
const topic = "orders";
const topicId = new Uint8Array(16).fill(9);

/**
 * Stands in for a broker of another product, as far as a mirror asks it: one topic of one
 * partition, whose log a test may cut and write anew while clients are connected.
 */
export class ForeignSource {
  log: readonly ForeignRecord[] = [];
  policy: "delete" | "compact" = "delete";
  /** What fetches of the mirror's copying said. */
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async open(): Promise<ForeignSource> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new ForeignSource(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  get #epoch(): number {
    return this.log.at(-1)?.epoch ?? 0;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const frames = new FrameAssembler(1_000_000);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      for (const frame of frames.push(new Uint8Array(chunk))) void this.#answer(socket, frame);
    });
  }

  async #answer(socket: Socket, frame: Uint8Array): Promise<void> {
    const [key, version] = [new ByteReader(frame).int16(), (frame[2] ?? 0) * 256 + (frame[3] ?? 0)];
    const name = served.find((one) => apiTable[one].key === key);
    if (name === undefined) return void socket.destroy();
    const { request, response } = apiTable[name];
    const reader = new ByteReader(frame);
    const { correlationId } = RequestHeader.read(reader, requestHeaderVersion(request, version));
    const body = await this.#bodyOf(name, request.read(reader, version) as never);
    const writer = new ByteWriter();
    const size = writer.reserveInt32();
    const header = responseHeaderVersion(response, version);
    ResponseHeader.write(writer, { correlationId }, header);
    response.write(writer, body as never, version);
    writer.patchInt32(size, writer.sizeBytes - 4);
    for (const chunk of writer.finish()) socket.write(chunk);
  }

  async #bodyOf(name: ApiName, asked: never): Promise<object> {
    if (name === "Metadata") return this.#metadata();
    if (name === "ListOffsets") return this.#listOffsets(asked);
    if (name === "Fetch") return await this.#fetch(asked);
    if (name === "DescribeConfigs") {
      const result = { errorCode: 0, errorMessage: null, resourceType: 2, resourceName: topic };
      const own = { readOnly: false, configSource: 1, isSensitive: false, synonyms: [] };
      const configs = [{ name: "cleanup.policy", value: this.policy, ...own }];
      return { results: [{ ...result, configs }] };
    }
    const apiKeys = served.map((one) => {
      const { key: apiKey, served: range } = apiTable[one];
      return { apiKey, minVersion: range.min, maxVersion: range.max };
    });
    return { errorCode: 0, apiKeys };
  }

  #metadata(): object {
    const here = { errorCode: 0, leaderId: 1, leaderEpoch: this.#epoch };
    const place = { partitionIndex: 0, replicaNodes: [1], isrNodes: [1] };
    const partitions = [{ ...here, ...place }];
    return {
      brokers: [{ nodeId: 1, host: "127.0.0.1", port: this.port }],
      clusterId: "foreign",
      controllerId: 1,
      topics: [{ errorCode: 0, name: topic, topicId, partitions }],
    };
  }

  #listOffsets(asked: {
    topics: readonly { partitions: readonly { timestamp: bigint | number }[] }[];
  }): object {
    const isEarliest = Number(asked.topics[0]?.partitions[0]?.timestamp) === -2;
    const found = { partitionIndex: 0, errorCode: 0, offset: isEarliest ? 0 : this.log.length };
    return { topics: [{ name: topic, partitions: [found] }] };
  }

  async #fetch(asked: {
    maxWaitMs: number;
    topics: readonly { partitions: readonly Asked[] }[];
  }): Promise<object> {
    const [one] = asked.topics[0]?.partitions ?? [];
    if (asked.maxWaitMs > 0 && one !== undefined) this.asked.push(one);
    if (Number(one?.fetchOffset) >= this.log.length) await delay(20);
    const partition = { partitionIndex: 0, highWatermark: this.log.length, records: null };
    const told = one === undefined ? {} : this.#told(one);
    const partitions = [{ ...partition, errorCode: 0, abortedTransactions: null, ...told }];
    return { errorCode: 0, responses: [{ topic, topicId, partitions }] };
  }

  /** KIP-595: who has fetched what is no more is told how far the log is the same. */
  #told({ fetchOffset, currentLeaderEpoch, lastFetchedEpoch: last }: Asked): object {
    const from = Number(fetchOffset);
    if (currentLeaderEpoch >= 0 && currentLeaderEpoch < this.#epoch) return { errorCode: fenced };
    const later = this.log.findIndex(({ epoch }) => epoch > last);
    const endOffset = later < 0 ? this.log.length : later;
    if (last >= 0 && endOffset < from) return { divergingEpoch: { epoch: last, endOffset } };
    const epoch = this.log[from]?.epoch;
    const run = this.log.slice(from).filter((record) => record.epoch === epoch);
    if (run.length === 0) return {};
    const values = run.map(({ value }) => value);
    return { records: batchOf(values, { baseOffset: from, leaderEpoch: epoch ?? 0 }) };
  }
}

const fenced = 74;
