import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { XylemError } from "../../base/errors.ts";
import { isFilterName } from "../../broker/records/record-filter.ts";
import type { AnswerBudget, AnswerShare } from "./answer-budget.ts";
import type { Call, HttpScope, Route } from "./route.ts";
import { findProblem } from "./schemas/find-problem.ts";
import type { JsonSchema } from "./schemas/schema.ts";

/** What Fastify has of a request. */
export interface RawCall {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Parsed already where the route takes JSON. */
  readonly body: unknown;
  readonly response: ServerResponse;
}

type Texts = Readonly<Record<string, string>>;
type Queried = Readonly<Record<string, string | readonly string[]>>;

const noFilters: ReadonlyMap<string, string> = new Map();

/** A request that passed the route's schemas. Throws INVALID_REQUEST, which names what is wrong. */
export function readCall(route: Route, raw: RawCall, scope: HttpScope): Call {
  const params = readParams(route, raw.params as Texts);
  const { query, filters } = readQuery(route, raw.query as Queried);
  if (route.body !== undefined && "json" in route.body) check(route.body.json, raw.body, "");
  return new HttpCall({ params, query, filters }, raw, scope);
}

class HttpCall implements Call {
  readonly params: unknown;
  readonly query: unknown;
  readonly filters: ReadonlyMap<string, string>;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly #response: ServerResponse;
  readonly #closing: AbortSignal;
  readonly #answers: AnswerBudget;
  #room: AnswerShare | undefined;
  #signal: AbortSignal | undefined;

  constructor(read: Pick<Call, "params" | "query" | "filters">, raw: RawCall, scope: HttpScope) {
    this.params = read.params;
    this.query = read.query;
    this.filters = read.filters;
    this.body = raw.body;
    this.headers = raw.headers;
    this.#response = raw.response;
    this.#closing = scope.closing;
    this.#answers = scope.answers;
  }

  /** Made when somebody asks: most calls answer no records. */
  get room(): AnswerShare {
    return (this.#room ??= this.#answers.share(this.#response));
  }

  /** Made when somebody asks: most calls never wait. */
  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const gone = new AbortController();
    const abort = (): void => gone.abort();
    if (this.#response.destroyed || this.#closing.aborted) abort();
    this.#closing.addEventListener("abort", abort, { once: true });
    this.#response.once("close", () => {
      this.#closing.removeEventListener("abort", abort);
      abort();
    });
    return (this.#signal = gone.signal);
  }
}

function readParams(route: Route, texts: Texts): unknown {
  const params: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(route.params ?? {})) {
    params[name] = fromText(schema, texts[name] ?? "", name);
  }
  return params;
}

function readQuery(route: Route, texts: Queried): Pick<Call, "query" | "filters"> {
  const query: Record<string, unknown> = {};
  let filters: Map<string, string> | undefined;
  for (const name in texts) {
    const schema = schemaOf(route, name);
    const value = texts[name] as string | readonly string[];
    if (schema !== undefined) query[name] = fromTexts(schema, value, name);
    else if (route.hasFilters === true && isFilterName(name)) {
      (filters ??= new Map()).set(name, single(value, name));
    } else throw invalid(`The query parameter ${name} is unknown here.`);
  }
  for (const name in route.needed) {
    if (!(name in query)) throw invalid(`The query parameter ${name} is missing.`);
  }
  return { query, filters: filters ?? noFilters };
}

function schemaOf({ needed, query }: Route, name: string): JsonSchema | undefined {
  if (needed !== undefined && Object.hasOwn(needed, name)) return needed[name];
  return query !== undefined && Object.hasOwn(query, name) ? query[name] : undefined;
}

function fromTexts(schema: JsonSchema, value: string | readonly string[], name: string): unknown {
  if (schema.type !== "array") return fromText(schema, single(value, name), name);
  const list = typeof value === "string" ? [value] : value;
  check(schema, list, name);
  return list;
}

function single(value: string | readonly string[], name: string): string {
  if (typeof value === "string") return value;
  throw invalid(`The query parameter ${name} is given twice.`);
}

function fromText(schema: JsonSchema, text: string, name: string): unknown {
  const value = convert(schema, text);
  check(schema, value, name);
  return value;
}

function convert({ type }: JsonSchema, text: string): unknown {
  if (type === "integer" && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function check(schema: JsonSchema, value: unknown, at: string): void {
  const problem = findProblem(schema, value, at);
  if (problem !== undefined) throw invalid(`${problem[0]?.toUpperCase()}${problem.slice(1)}.`);
}

function invalid(detail: string): XylemError {
  return new XylemError("INVALID_REQUEST", detail);
}
