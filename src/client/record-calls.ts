import type { Appended, ManyPage, Page } from "./answers.ts";
import { type NodeCalls, part } from "./node-calls.ts";
import { randomName } from "./random-name.ts";
import { type ListedRecord, listNew, type NewRecord, readListed } from "./record-json.ts";
import {
  formatFilter,
  formatFrom,
  formatWait,
  formatWish,
  type From,
  type RecordFilter,
  type TopicWish,
} from "./where.ts";

export interface AppendOptions {
  /** Whose answer is waited for; all. With 0 offsets are not told. */
  readonly acks?: 0 | 1 | "all";
  /** Absent: the topic's. */
  readonly durability?: "fsync" | "os";
  readonly minReplicas?: number;
  /** Of all records that do not name their own. */
  readonly partition?: number;
  /** The offset that the first record is to get: rejects with 412 when others came between. */
  readonly expectedOffset?: number;
  /**
   * Makes it harmless to send the records again: the node appends them once. One by chance unless
   * given; false: none, and nothing is tried a second time.
   */
  readonly idempotencyKey?: string | false;
  readonly signal?: AbortSignal;
}

/** What every read bounds. */
export interface ReadLimits {
  readonly recordsMax?: number;
  readonly bytesMax?: number;
  /** How long the node waits for a record while there is none. */
  readonly waitMs?: number;
  readonly filter?: RecordFilter;
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends ReadLimits {
  readonly partition?: number;
  /** Earliest. */
  readonly from?: From;
  /** Where to begin when `from` is not in the log; absent: that is an error (416). */
  readonly reset?: "earliest" | "latest";
}

export interface ReadManyOptions extends ReadLimits {
  /** Earliest. */
  readonly from?: From;
  /** Of an earlier page. */
  readonly cursor?: string | undefined;
}

export interface PatchOptions {
  readonly key?: string;
  readonly partition?: number;
  readonly signal?: AbortSignal;
}

/** A change of a document (RFC 6902). */
export type JsonPatch = readonly {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}[];

/** A record's value as it was appended. */
export interface StoredValue {
  /** Null: a tombstone. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly contentType: string | null;
  readonly timestamp: number;
}

export interface LatestValue extends StoredValue {
  readonly partition: number;
  readonly offset: number;
}

const listType = "application/vnd.xylem.records+json";

/** Records of one node: appended and read. Behind `XylemClient`. */
export class RecordCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  append(topic: string, records: readonly NewRecord[], options: AppendOptions): Promise<Appended> {
    const { acks, durability, minReplicas, partition, expectedOffset, signal } = options;
    const key = options.idempotencyKey ?? (acks === 0 ? false : randomName());
    return this.#calls.json("POST", `/v1/topics/${part(topic)}/records`, {
      query: { acks: acks?.toString(), durability, "min-replicas": minReplicas, partition },
      headers: {
        "content-type": listType,
        ...(key !== false && { "idempotency-key": key }),
        ...(expectedOffset !== undefined && { "if-match": `"${expectedOffset}"` }),
      },
      body: JSON.stringify({ records: records.map(listNew) }),
      isRepeatable: key !== false,
      signal,
    });
  }

  async read(topic: string, options: ReadOptions): Promise<Page> {
    const { partition = 0, from, reset, waitMs, signal } = options;
    const path = `/v1/topics/${part(topic)}/partitions/${partition}/records`;
    const query = { offset: from === undefined ? from : formatFrom(from), reset };
    const call = { query: { ...query, ...limitsOf(options) }, waitMs, signal, isRepeatable: true };
    const page = await this.#calls.json<Page & { records: ListedRecord[] }>("GET", path, call);
    return { ...page, records: page.records.map(readListed) };
  }

  async readMany(topics: readonly TopicWish[], options: ReadManyOptions): Promise<ManyPage> {
    const { from, cursor, waitMs, signal } = options;
    const topic = topics.map(formatWish);
    const query = { topic, from: from === undefined ? from : formatFrom(from), cursor };
    const call = { query: { ...query, ...limitsOf(options) }, waitMs, signal, isRepeatable: true };
    const page = await this.#calls.json<ManyPage & { records: ListedRecord[] }>(
      "GET",
      "/v1/records",
      call,
    );
    return { ...page, records: page.records.map(readListed) };
  }

  record(
    topic: string,
    partition: number,
    offset: number,
    signal?: AbortSignal,
  ): Promise<StoredValue> {
    const path = `/v1/topics/${part(topic)}/partitions/${partition}/records/${offset}`;
    return this.#calls.call("GET", path, { isRepeatable: true, signal }, readValue);
  }

  latest(
    topic: string,
    key: string,
    options: { readonly partition?: number; readonly signal?: AbortSignal },
  ): Promise<LatestValue> {
    const { partition, signal } = options;
    const call = { query: { key, partition }, isRepeatable: true, signal };
    return this.#calls.call("GET", `/v1/topics/${part(topic)}/latest`, call, readLatest);
  }

  patch(
    topic: string,
    patch: JsonPatch,
    options: PatchOptions,
  ): Promise<Appended & { readonly document: unknown }> {
    const { key, partition, signal } = options;
    return this.#calls.json("PATCH", `/v1/topics/${part(topic)}/records/latest`, {
      query: { key, partition },
      headers: { "content-type": "application/json-patch+json" },
      body: JSON.stringify(patch),
      signal,
    });
  }
}

function limitsOf({ recordsMax: limit, bytesMax, waitMs, filter }: ReadLimits) {
  return { limit, "max-bytes": bytesMax, wait: formatWait(waitMs), ...formatFilter(filter) };
}

async function readValue(response: Response): Promise<StoredValue> {
  const { status, headers } = response;
  return {
    bytes: status === 204 ? null : new Uint8Array(await response.arrayBuffer()),
    contentType: headers.get("content-type"),
    timestamp: Number(headers.get("xylem-timestamp") ?? -1),
  };
}

async function readLatest(response: Response): Promise<LatestValue> {
  const partition = Number(response.headers.get("xylem-partition"));
  const offset = Number(response.headers.get("xylem-offset"));
  return { ...(await readValue(response)), partition, offset };
}
