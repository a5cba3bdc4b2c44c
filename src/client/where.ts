import type { QueryValue } from "./node-calls.ts";

/** Where to begin: an offset, the last N for -N, a time, or an end of the log. */
export type From = number | "earliest" | "latest" | Date;

/** A topic, or one of its partitions, and perhaps where to begin in it. */
export type TopicWish =
  | string
  | { readonly topic: string; readonly partition?: number; readonly from?: From };

/** Which records are wanted: those for which all of it holds. The broker applies it. */
export interface RecordFilter {
  readonly key?: string;
  readonly keyPrefix?: string;
  /** By header name: the value. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By JSON Pointer: what stands there in a value that is JSON. */
  readonly json?: Readonly<Record<string, string | number | boolean | null>>;
}

export function formatFrom(from: From): string {
  return from instanceof Date ? `@${from.toISOString()}` : String(from);
}

/** `orders`, `orders:0`, `orders:0:42` or `orders::-5`. */
export function formatWish(wish: TopicWish): string {
  if (typeof wish === "string") return wish;
  const { topic, partition, from } = wish;
  if (from !== undefined) return `${topic}:${partition ?? ""}:${formatFrom(from)}`;
  return partition === undefined ? topic : `${topic}:${partition}`;
}

/** By the names of query parameters. */
export function formatFilter(filter: RecordFilter | undefined): Record<string, string> {
  const { key, keyPrefix, headers = {}, json = {} } = filter ?? {};
  const named = Object.entries(headers).map(([name, value]) => [`header.${name}`, value]);
  const pointed = Object.entries(json).map(([at, value]) => [`json.${at}`, String(value)]);
  return {
    ...(key !== undefined && { key }),
    ...(keyPrefix !== undefined && { "key-prefix": keyPrefix }),
    ...(Object.fromEntries([...named, ...pointed]) as Record<string, string>),
  };
}

/** A time that the node waits, as a query parameter. */
export function formatWait(waitMs: number | undefined): QueryValue {
  return waitMs === undefined ? undefined : `${waitMs}ms`;
}
