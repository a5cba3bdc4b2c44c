import { type ClientRecord, XylemClient } from "../../src/client/index.ts";
import { type HeaderValue, listNew } from "../../src/client/record-json.ts";
import type { Xylem } from "../../src/index.ts";
import { GrpcClient } from "./grpc-client.ts";
import { batchOf, RawClient } from "./raw-client.ts";
import { SocketClient } from "./socket-client.ts";

type Bytes = Uint8Array | null;

/** A record as every door can take it. */
export interface DoorRecord {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: readonly { readonly key: string; readonly value: Bytes }[];
}

type ReadBack = DoorRecord & { readonly offset: number | string };

export const doorNames = ["kafka", "http", "websocket", "grpc", "embedded"] as const;
export type DoorName = (typeof doorNames)[number];

/** A client of each door of one node, and how all append to and read one topic. */
export class EveryDoor {
  readonly #xylem: Xylem;
  readonly #topic: string;
  readonly #http: XylemClient;
  readonly #grpc: GrpcClient;
  readonly #kafka: RawClient;
  readonly #socket: SocketClient;
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(xylem: Xylem, topic: string, kafka: RawClient, socket: SocketClient) {
    this.#xylem = xylem;
    this.#topic = topic;
    this.#http = new XylemClient(xylem.url);
    this.#grpc = new GrpcClient(xylem.bootstrap, "xylem.v1.LogService");
    this.#kafka = kafka;
    this.#socket = socket;
  }

  static async open(xylem: Xylem, topic: string): Promise<EveryDoor> {
    const kafka = await RawClient.open(xylem.port);
    const socket = await SocketClient.open(`ws://127.0.0.1:${xylem.port}/v1/socket`);
    return new EveryDoor(xylem, topic, kafka, socket);
  }

  close(): void {
    this.#grpc.close();
    this.#kafka.close();
    this.#socket.close();
  }

  async append(door: DoorName, partition: number, records: readonly DoorRecord[]): Promise<void> {
    const topic = this.#topic;
    const named = records.map(({ key, value, headers }) => {
      return { key, value, partition, headers: Object.fromEntries(headers.map(pairOf)) };
    });
    switch (door) {
      case "kafka": {
        const { errorCode } = await this.#kafka.produce([topic, partition], batchOf(records));
        if (errorCode !== 0) throw new Error(`produce: error ${errorCode}`);
        return;
      }
      case "http":
        await this.#http.append(topic, named);
        return;
      case "websocket": {
        const command = { type: "append", topic, records: named.map(listNew) };
        // A client that waits for replies takes them one after the other.
        const asking = this.#asked.then(() => this.#socket.ask(command));
        this.#asked = asking;
        const { ok, error } = await asking;
        if (ok !== true) throw new Error(error?.detail);
        return;
      }
      case "grpc":
        await this.#grpc.call("append", {
          topic,
          records: records.map((one) => ({ ...withoutNulls(one), partition })),
        });
        return;
      case "embedded":
        await (await this.#xylem.topic(topic)).append(named);
    }
  }

  /** What each way of reading says of one partition: a line for each record. */
  async read(partition: number): Promise<Readonly<Record<string, readonly string[]>>> {
    const topic = this.#topic;
    const log = await this.#kafka.readAll([topic, partition]);
    const wishes = [{ topic, partition, from: 0 }];
    return {
      kafka: log.map(lineOf),
      "http, record for record": await this.#readRaw(partition, log.length),
      http: (await collect(this.#http.records(topic, { partition }))).map(lineOfClients),
      events: (await collect(this.#http.subscribe(wishes), log.length)).map(lineOfClients),
      websocket: (
        await collect(this.#http.subscribe(wishes, { transport: "websocket" }), log.length)
      ).map(lineOfClients),
      grpc: await this.#readGrpc(partition),
      embedded: (await collect((await this.#xylem.topic(topic)).read({ partition }))).map(lineOf),
    };
  }

  /** Keys and headers are in no answer that is a value alone: they are taken from a page. */
  async #readRaw(partition: number, count: number): Promise<string[]> {
    const lines: string[] = [];
    const page = await collect(this.#http.records(this.#topic, { partition }), count);
    for (const record of page) {
      const { bytes } = await this.#http.record(this.#topic, partition, record.offset);
      lines.push(lineOf({ ...toDoorRecord(record), value: bytes }));
    }
    return lines;
  }

  async #readGrpc(partition: number): Promise<string[]> {
    const lines: string[] = [];
    for (let offset = 0; ;) {
      const request = { topic: this.#topic, partition, position: { offset }, limit: 7 };
      const page = await this.#grpc.call("read", request);
      lines.push(...(page["records"] as ReadBack[]).map(lineOf));
      if (offset === page["nextOffset"]) return lines;
      offset = Number(page["nextOffset"]);
    }
  }
}

const pairOf = ({ key, value }: DoorRecord["headers"][number]) => [key, value] as const;

/** proto3 says null by leaving a field out. */
function withoutNulls({ key, value, headers }: DoorRecord): object {
  return {
    ...(key && { key }),
    ...(value && { value }),
    headers: headers.map((header) => ({ key: header.key, ...(header.value && header) })),
  };
}

async function collect<One>(source: AsyncIterable<One>, count = Infinity): Promise<One[]> {
  const all: One[] = [];
  if (count === 0) return all;
  for await (const one of source) {
    all.push(one);
    if (all.length === count) break;
  }
  return all;
}

const encoder = new TextEncoder();

function lineOfClients(record: ClientRecord): string {
  return lineOf(toDoorRecord(record));
}

function toDoorRecord({ offset, key, value, encoding, headers }: ClientRecord): ReadBack {
  const text = encoding === "json" ? JSON.stringify(value) : (value as HeaderValue);
  const named = Object.entries(headers).flatMap(([name, values]) => {
    const list = Array.isArray(values) ? (values as HeaderValue[]) : [values as HeaderValue];
    return list.map((one) => ({ key: name, value: toBytes(one) }));
  });
  return { offset, key: toBytes(key), value: toBytes(text), headers: named };
}

function toBytes(value: HeaderValue): Bytes {
  return typeof value === "string" ? encoder.encode(value) : value;
}

function lineOf({ offset, key, value, headers }: ReadBack): string {
  const named = headers.map((header) => `${header.key}=${hex(header.value)}`);
  return [offset, hex(key), hex(value), ...named].join(" ");
}

function hex(bytes: Bytes | undefined): string {
  return bytes === null || bytes === undefined ? "null" : `"${Buffer.from(bytes).toString("hex")}"`;
}
