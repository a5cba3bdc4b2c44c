import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { equalBytes } from "../../base/bytes.ts";
import type { Change, Watcher } from "../../broker/ports/coordinator.ts";
import type { EtcdEndpoint, EtcdEndpoints } from "./etcd-endpoints.ts";
import { isCompacted, isOutOfHistory } from "./etcd-failure.ts";
import { toNumber, type EtcdKeys } from "./etcd-keys.ts";
import {
  Event_EventType,
  type Event,
  type KeyValue,
  type RangeResponse,
  type WatchRequestSchema,
  type WatchResponse,
} from "./generated/etcd/etcd_pb.ts";

export interface EtcdWatchOptions {
  readonly endpoints: EtcdEndpoints;
  readonly keys: EtcdKeys;
  readonly prefix: string;
  readonly fromRevision: number;
  readonly watcher: Watcher;
}

/** Between attempts to watch; doubled each time. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;

/**
 * One watch, taken up again at another endpoint after the last revision that was told. etcd sends
 * the changes of a revision together and revisions in their order; its progress answers, asked for
 * at the start only, keep to that order too (those asked for later do not before etcd 3.4.25).
 */
export class EtcdWatch {
  readonly #options: EtcdWatchOptions;
  readonly #stop = new AbortController();
  #revision: number;
  /** The last that etcd told. */
  #witness: Event | undefined;
  /** It is taken up again: what it told may be of another history than what is to come. */
  #wasOpen = false;
  #pauseMs = pauseMsMin;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    this.#revision = options.fromRevision;
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted || this.#options.endpoints.closing.aborted;
  }

  async #run(): Promise<void> {
    const { endpoints } = this.#options;
    while (!this.#isOver) {
      const endpoint = endpoints.at();
      try {
        await this.#follow(endpoint);
      } catch (error) {
        if (this.#isOver) return;
        if (isCompacted(error)) this.#endInGap();
        else endpoints.leave(endpoint, error);
      }
      if (this.#isOver) return;
      await endpoints.pause(this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax);
    }
  }

  /** Until the stream ends. */
  async #follow(endpoint: EtcdEndpoint): Promise<void> {
    const { endpoints } = this.#options;
    const follow = async (options: CallOptions & { signal: AbortSignal }): Promise<void> => {
      const requests = this.#requests(options.signal);
      for await (const response of endpoint.watch.watch(requests, options)) {
        if (this.#isOver || response.canceled) {
          if (response.compactRevision > 0n) this.#endInGap();
          return;
        }
        if (!response.created) this.#tell(response);
        else if (await this.#isContinued(response)) endpoints.hear(endpoint);
        else this.#endInGap();
      }
    };
    await endpoints.attempt(follow, undefined, this.#stop.signal);
  }

  /** One request; the stream stays open until the watch ends. */
  async *#requests(
    signal: AbortSignal,
  ): AsyncIterable<MessageInitShape<typeof WatchRequestSchema>> {
    const { keys, prefix } = this.#options;
    const { modRevision = BigInt(this.#revision) } = this.#witness?.kv ?? {};
    const startRevision = modRevision + 1n;
    const value = { ...keys.rangeOf(prefix), startRevision, progressNotify: true };
    yield { requestUnion: { case: "createRequest", value } };
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /**
   * Whether what was told is a part of what etcd tells now. One that was restored from a backup
   * begins another history there, and may have come further in it than the old one had.
   */
  async #isContinued({ header }: WatchResponse): Promise<boolean> {
    if (this.#wasOpen) return await this.#testifies();
    this.#wasOpen = true;
    // A member may be behind; what the whole of etcd says tells.
    return toNumber(header?.revision) >= this.#revision || !(await this.#hasFallen());
  }

  /** Whether etcd still knows the change that it told last, at its revision. */
  async #testifies(): Promise<boolean> {
    const { kv, type } = this.#witness ?? {};
    if (kv === undefined) return false;
    const { modRevision } = kv;
    try {
      const { header, kvs } = await this.#readAt(kv.key, modRevision);
      if (toNumber(header?.revision) < this.#revision) return false;
      if (type !== Event_EventType.DELETE) return isSame(kvs[0], kv);
      const { kvs: before } = await this.#readAt(kv.key, modRevision - 1n);
      return kvs.length === 0 && before.length === 1;
    } catch (error) {
      if (isOutOfHistory(error)) return false;
      throw error;
    }
  }

  async #readAt(key: KeyValue["key"], revision: bigint): Promise<RangeResponse> {
    const page = { key: Uint8Array.from(key), revision };
    return await this.#options.endpoints.ask("A watch asks", ({ kv }, options) => {
      return kv.range(page, options);
    });
  }

  async #hasFallen(): Promise<boolean> {
    const { endpoints, keys } = this.#options;
    const { header } = await endpoints.ask("A watch asks", ({ kv }, options) => {
      return kv.range({ key: keys.bytesOf("") }, options);
    });
    return toNumber(header?.revision) < this.#revision;
  }

  /** Without events it tells how far the watch has come. */
  #tell({ header, events }: WatchResponse): void {
    const last = events.at(-1)?.kv;
    const revision = toNumber(last === undefined ? header?.revision : last.modRevision);
    if (revision <= this.#revision) {
      // Up to the revision that was told there was none behind the last change.
      if (last !== undefined) this.#endInGap();
      return;
    }
    this.#witness = events.at(-1) ?? this.#witness;
    this.#revision = revision;
    this.#pauseMs = pauseMsMin;
    this.#options.watcher.onChanges(revision, this.#mergeByKey(events));
  }

  #mergeByKey(events: readonly Event[]): readonly Change[] {
    const { keys } = this.#options;
    const newest = new Map<string, Change>();
    for (const { type, kv } of events) {
      if (kv === undefined) continue;
      const { lease, ...entry } = keys.entryOf(kv);
      if (keys.isOwn(entry.key)) continue;
      const bound = lease === undefined ? {} : { lease };
      const isDeleted = type === Event_EventType.DELETE;
      newest.delete(entry.key);
      newest.set(entry.key, isDeleted ? { ...entry, value: null } : { ...entry, ...bound });
    }
    return [...newest.values()];
  }

  #endInGap(): void {
    if (this.#isOver) return;
    this.stop();
    this.#options.watcher.onGap();
  }
}

/** By all but its lease: an etcd that was restored may have counted to the same revision. */
function isSame(found: KeyValue | undefined, told: KeyValue): boolean {
  return (
    found?.modRevision === told.modRevision &&
    found.version === told.version &&
    equalBytes(found.value, told.value)
  );
}
