import type { ErrorCode } from "../../base/errors.ts";
import type { ApiName } from "../../protocol/api-table.ts";

/** A Kafka client asked for something. */
export interface RequestEvent {
  readonly kind: "request";
  readonly api: ApiName;
  readonly apiVersion: number;
  readonly clientId: string;
  /** Of the client: tells its connections apart. */
  readonly remotePort: number;
  /** `orders-2`, or `orders` where a request is about a topic as a whole. */
  readonly places: readonly string[];
  /** "" when it is about no group. */
  readonly group: string;
}

/** It was answered; one whose answer was lost is not. */
export interface AnswerEvent {
  readonly kind: "answer";
  readonly api: ApiName;
  readonly clientId: string;
  readonly remotePort: number;
  readonly group: string;
  /** Every error in it, without the places where there was none. */
  readonly errors: readonly ErrorCode[];
}

/** An HTTP request came, a call of gRPC included. */
export interface CallEvent {
  readonly kind: "call";
  readonly method: string;
  /** Without the query. */
  readonly path: string;
}

/** All of its answer has left; one whose answer was lost has none. */
export interface ReplyEvent {
  readonly kind: "reply";
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** Records got their offsets, by whatever door they came. */
export interface AppendEvent {
  readonly kind: "append";
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** An idempotent producer sent them again: nothing was added. */
  readonly isDuplicate: boolean;
}

/** A group's committed offset changed. */
export interface CommitEvent {
  readonly kind: "commit";
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The next to be read; null: it was removed. */
  readonly offset: number | null;
}

/** A group's members changed, or what is assigned to them. */
export interface GroupEvent {
  readonly kind: "group";
  readonly group: string;
  /** The epoch of a server-assigned group; -1: the group was removed. */
  readonly generation: number;
  /** Client ids, sorted. */
  readonly members: readonly string[];
}

/** A scripted fault struck. */
export interface FaultEvent {
  readonly kind: "fault";
  /** An API of Kafka's, `http` or `disk`. */
  readonly at: ApiName | "disk" | "http";
  /** An error's code, `delay`, `disconnect`, `lose-answer`, or what a disk does. */
  readonly effect: string;
}

export type Happening =
  | RequestEvent
  | AnswerEvent
  | CallEvent
  | ReplyEvent
  | AppendEvent
  | CommitEvent
  | GroupEvent
  | FaultEvent;

/** Something that happened, and when by the broker's clock (milliseconds since 1970). */
export type TraceEvent = Happening & { readonly atMs: number };

/** `12.250 append orders-2 0..4`: the seconds are those since the trace began. */
export function formatEvent(event: TraceEvent, startMs: number): string {
  const seconds = ((event.atMs - startMs) / 1_000).toFixed(3);
  return `${seconds} ${event.kind} ${describe(event)}`.trimEnd();
}

function describe(event: Happening): string {
  switch (event.kind) {
    case "request":
      return words(event.api, event.clientId, event.group, event.places.join(" "));
    case "answer":
      return words(event.api, event.clientId, event.group, event.errors.join(" "));
    case "call":
      return `${event.method} ${event.path}`;
    case "reply":
      return `${event.method} ${event.path} ${event.status}`;
    case "append": {
      const { topic, partition, firstOffset, lastOffset, isDuplicate } = event;
      return `${topic}-${partition} ${firstOffset}..${lastOffset}${isDuplicate ? " again" : ""}`;
    }
    case "commit":
      return `${event.group} ${event.topic}-${event.partition} ${event.offset ?? "removed"}`;
    case "group":
      return words(`${event.group} generation ${event.generation}:`, event.members.join(" "));
    case "fault":
      return `${event.at} ${event.effect}`;
  }
}

function words(...texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(" ");
}
