import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Broker } from "../../broker/broker.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { AnswerBudget, AnswerShare } from "./answer-budget.ts";
import type { LoopTurn } from "./loop-turn.ts";
import type { LiveReaders } from "./live/live-readers.ts";
import type { MetricsPage } from "./metrics.ts";
import type { JsonSchema, ObjectValue, Schema } from "./schemas/schema.ts";

/** What the routes ask of the node. */
export interface NodeStatus {
  /** Whether clients are served: started, and not stopping. */
  isReady(): boolean;
  readonly metrics: MetricsPage;
}

/** What every route works on. */
export interface HttpScope {
  readonly broker: Broker;
  readonly tools: BatchTools;
  readonly node: NodeStatus;
  /** Resolves when `broker.groups` can be asked: they are read on first need. */
  readonly loadGroups: () => Promise<void>;
  /** Aborts when the door closes: waiting reads answer with what they have. */
  readonly closing: AbortSignal;
  /** What there is, for the reference. */
  readonly routes: readonly Route[];
  /** Those who follow partitions: they end when the door closes. */
  readonly readers: LiveReaders;
  /** What is appended waits for its end. */
  readonly turn: LoopTurn;
  /** What clients have yet to take of answers with records. */
  readonly answers: AnswerBudget;
}

/** A request as a route sees it: checked against the route's schemas. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Query parameters that filter records: `key`, `key-prefix`, `header.NAME`, `json./pointer`. */
  readonly filters: ReadonlyMap<string, string>;
  /** Header values as they came, by lower-case name. */
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the client has gone or the door closes. */
  readonly signal: AbortSignal;
  /** What its answer holds. */
  readonly room: AnswerShare;
}

/** What a route answers: JSON, text or bytes of a media type, or nothing. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; `headers` has its content-type. */
  readonly content?: string | Uint8Array;
  /**
   * Records: what all clients have yet to take is bounded. A page of them is compressed when it is
   * large and the client takes it so; a record by itself goes as it was stored.
   */
  readonly holds?: "page" | "record";
}

/** A stream: the route writes the response itself, and ends it. */
export interface TakenOver {
  readonly takeOver: (request: IncomingMessage, response: ServerResponse) => void;
}

export type Answer = PlainAnswer | TakenOver;

/** What a body may be. `json` is parsed and checked; `bytes` are handed on as they came. */
export type BodyShape<Body> =
  | { readonly json: Schema<Body> }
  | { readonly bytes: Readonly<Record<string, JsonSchema>>; readonly description: string };

export interface AnswerShape {
  readonly description: string;
  /** By media type; absent: there is no body. */
  readonly content?: Readonly<Record<string, JsonSchema>>;
  readonly headers?: Readonly<Record<string, string>>;
}

type Schemas = Readonly<Record<string, Schema>>;
type None = Record<never, never>;

/** One call of the HTTP door: what it takes, what it answers, and the use case behind it. */
export interface RouteOptions<
  Params extends Schemas,
  Needed extends Schemas,
  Query extends Schemas,
  Body,
> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As OpenAPI writes it: `/v1/topics/{topic}`. */
  readonly path: string;
  readonly tag: string;
  /** A sentence for the reference page. */
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  /** Query parameters that must be there. */
  readonly needed?: Needed;
  readonly query?: Query;
  /** Takes filters of records as query parameters besides. */
  readonly hasFilters?: boolean;
  /** Request headers that the route heeds, for the reference. */
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly body?: BodyShape<Body>;
  readonly answers: Readonly<Record<number, AnswerShape>>;
  /** Statuses of problems that it answers of its own; those every route has are added. */
  readonly problems?: Readonly<Record<number, string>>;
  /** A foreign page may read the answer's existence, never its data (browser-guard.ts). */
  readonly isPublic?: boolean;
  handle(
    scope: HttpScope,
    call: Call<ObjectValue<Params, None>, ObjectValue<Needed, Query>, Body>,
  ): Answer | Promise<Answer>;
}

/** A route whose types are its own business. */
export interface Route extends Omit<
  RouteOptions<Schemas, Schemas, Schemas, unknown>,
  "handle" | "body"
> {
  readonly body?: BodyShape<unknown>;
  handle(scope: HttpScope, call: Call): Answer | Promise<Answer>;
}

export function route<
  const Params extends Schemas = None,
  const Needed extends Schemas = None,
  const Query extends Schemas = None,
  Body = undefined,
>(options: RouteOptions<Params, Needed, Query, Body>): Route {
  return options as unknown as Route;
}

const schemaOfJson = (schema: JsonSchema) => ({ "application/json": schema });

/** An answer's shape in JSON. */
export function answersJson(description: string, schema: JsonSchema): AnswerShape {
  return { description, content: schemaOfJson(schema) };
}
