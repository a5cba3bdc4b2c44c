import type { Appended, ClusterDescription, ManyPage, NodeHealth, Page } from "./answers.ts";
import { BucketCalls } from "./bucket-calls.ts";
import { ConfigCalls } from "./config-calls.ts";
import { GroupCalls } from "./group-calls.ts";
import { ClusterAddress } from "./cluster-address.ts";
import { findNodes } from "./find-nodes.ts";
import { type NodeAddress, type ResolveSrv, SrvAddress } from "./node-address.ts";
import { NodeCalls } from "./node-calls.ts";
import { eventSource } from "./live/event-source.ts";
import { socketSource } from "./live/socket-source.ts";
import { type SubscribeOptions, Subscription } from "./live/live-subscription.ts";
import { PlanCalls } from "./plan-calls.ts";
import {
  type AppendOptions,
  type JsonPatch,
  type LatestValue,
  type PatchOptions,
  RecordCalls,
  type ReadManyOptions,
  type ReadOptions,
  type StoredValue,
} from "./record-calls.ts";
import type { ClientRecord, NewRecord } from "./record-json.ts";
import { TopicCalls } from "./topic-calls.ts";
import type { TopicWish } from "./where.ts";
import { XylemClientError } from "./xylem-client-error.ts";

export interface ClientOptions {
  /** Time an attempt may take, milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Further attempts at a call that may be repeated; 4 unless given. */
  readonly retriesMax?: number;
  /** Stands in for the platform's own `fetch`. */
  readonly fetch?: typeof fetch;
  /** For `srv://name`: `resolveSrv` of `node:dns/promises`. */
  readonly resolveSrv?: ResolveSrv;
}

/** `live`: goes on past the end of the log, waiting. */
export type RecordsOptions = ReadOptions & { readonly live?: boolean };

const timeoutMsInitial = 10_000;
const retriesMaxInitial = 4;
const waitMsInitial = 20_000;

/**
 * Talks to a node over HTTP, in Node and in browsers; `srv://name` is one of those that DNS names.
 * Of a cluster one address is enough: the others are found, and asked when that one is gone.
 * Every call throws XylemClientError, or the reason of its signal. Holds no connection of its own:
 * there is nothing to close.
 */
export class XylemClient {
  readonly url: string;
  readonly topics: TopicCalls;
  readonly groups: GroupCalls;
  readonly buckets: BucketCalls;
  readonly configs: ConfigCalls;
  /** Who takes part in a cluster, and what moves. */
  readonly plans: PlanCalls;
  readonly #address: NodeAddress;
  readonly #calls: NodeCalls;
  readonly #records: RecordCalls;

  constructor(url: string | URL, options: ClientOptions = {}) {
    this.url = new URL(url).href.replace(/\/+$/, "");
    const given = options.fetch ?? ((input, init) => fetch(input, init));
    this.#address = addressOf(this.url, given, options.resolveSrv);
    this.#calls = new NodeCalls({
      address: this.#address,
      timeoutMs: options.timeoutMs ?? timeoutMsInitial,
      retriesMax: options.retriesMax ?? retriesMaxInitial,
      fetch: given,
    });
    this.#records = new RecordCalls(this.#calls);
    this.topics = new TopicCalls(this.#calls);
    this.groups = new GroupCalls(this.#calls);
    this.buckets = new BucketCalls(this.#calls);
    this.configs = new ConfigCalls(this.#calls);
    this.plans = new PlanCalls(this.#calls);
  }

  /** Appends records; those of one partition are stored whole or not at all. */
  append(
    topic: string,
    records: NewRecord | readonly NewRecord[],
    options: AppendOptions = {},
  ): Promise<Appended> {
    return this.#records.append(topic, asList(records), options);
  }

  /** A page of one partition. */
  read(topic: string, options: ReadOptions = {}): Promise<Page> {
    return this.#records.read(topic, options);
  }

  /** A page of several topics; its cursor is where the next one begins. */
  readMany(topics: readonly TopicWish[], options: ReadManyOptions = {}): Promise<ManyPage> {
    return this.#records.readMany(topics, options);
  }

  /** The records of one partition, page for page, up to what its end was; or `live`, for ever. */
  async *records(
    topic: string,
    { live = false, ...options }: RecordsOptions = {},
  ): AsyncGenerator<ClientRecord, void, undefined> {
    let { from = "earliest" } = options;
    let end = live ? Infinity : undefined;
    for (;;) {
      const waitMs = live ? (options.waitMs ?? waitMsInitial) : 0;
      const page = await this.#records.read(topic, { ...options, from, waitMs });
      yield* page.records;
      from = page.nextOffset;
      end ??= page.lastStable;
      if (from >= end) return;
    }
  }

  /** What comes in topics, and before it what lies there `from` on. Begins when it is iterated. */
  subscribe(
    topics: TopicWish | readonly TopicWish[],
    options: SubscribeOptions = {},
  ): Subscription {
    const isSocket = options.transport === "websocket";
    const source = isSocket ? socketSource(this.#address) : eventSource(this.#calls);
    return new Subscription(source, asList(topics), options);
  }

  /** The value of one record, as it was appended. Rejects with 404 when there is none. */
  record(
    topic: string,
    partition: number,
    offset: number,
    signal?: AbortSignal,
  ): Promise<StoredValue> {
    return this.#records.record(topic, partition, offset, signal);
  }

  /** The newest value of a key; undefined: it has none, or its newest is a tombstone. */
  async latest(
    topic: string,
    key: string,
    options: { readonly partition?: number; readonly signal?: AbortSignal } = {},
  ): Promise<LatestValue | undefined> {
    try {
      return await this.#records.latest(topic, key, options);
    } catch (error) {
      const isClients = error instanceof XylemClientError;
      if (isClients && error.code === "RESOURCE_NOT_FOUND") return undefined;
      throw error;
    }
  }

  /** Patches the newest document, of a key or of all, and appends what comes of it. */
  patch(
    topic: string,
    patch: JsonPatch,
    options: PatchOptions = {},
  ): Promise<Appended & { readonly document: unknown }> {
    return this.#records.patch(topic, patch, options);
  }

  /** That the node lives. */
  health(signal?: AbortSignal): Promise<NodeHealth> {
    return this.#calls.json("GET", "/healthz", { signal });
  }

  /** Whether the node serves clients: false while it stops, or has no lease in its cluster. */
  async ready(signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#calls.json("GET", "/readyz", { signal });
      return true;
    } catch (error) {
      if (error instanceof XylemClientError && error.status === 503) return false;
      throw error;
    }
  }

  cluster(signal?: AbortSignal): Promise<ClusterDescription> {
    return this.#calls.json("GET", "/v1/cluster", { isRepeatable: true, signal });
  }

  /** The node's numbers in Prometheus' text format. */
  metrics(signal?: AbortSignal): Promise<string> {
    return this.#calls.text("GET", "/metrics", { isRepeatable: true, signal });
  }

  /** The description of every call (OpenAPI 3.1). */
  openapi(signal?: AbortSignal): Promise<unknown> {
    return this.#calls.json("GET", "/openapi.json", { isRepeatable: true, signal });
  }
}

function addressOf(
  url: string,
  given: typeof fetch,
  resolveSrv: ResolveSrv | undefined,
): NodeAddress {
  if (!url.startsWith("srv:")) return new ClusterAddress(url, (one) => findNodes(one, given));
  if (resolveSrv === undefined) throw new TypeError(`${url} takes the option resolveSrv`);
  return new SrvAddress(new URL(url), resolveSrv);
}

function asList<One>(value: One | readonly One[]): readonly One[] {
  return Array.isArray(value) ? (value as readonly One[]) : [value as One];
}
