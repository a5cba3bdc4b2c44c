import type { AnswerShape, Route } from "../route.ts";
import { problem } from "../schemas/problem.ts";
import type { JsonSchema } from "../schemas/schema.ts";

export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly style?: "form";
  readonly explode?: boolean;
  readonly schema: JsonSchema;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: true;
    readonly description?: string;
    readonly content: Content;
  };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Response {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, { description: string; schema: JsonSchema }>>;
}

const info = {
  title: "Xylem",
  version: "1.0.0",
  description:
    "A durable, Kafka-compatible event log over plain HTTP. Errors are problem documents " +
    "(RFC 9457) whose `code` is the same on every door.",
};

/** The OpenAPI 3.1 description of these routes, made from what checks their calls. */
export function describeRoutes(routes: readonly Route[]): OpenApi {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const one of routes) {
    (paths[one.path] ??= {})[one.method.toLowerCase()] = describeRoute(one);
  }
  const tags = [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name }));
  return { openapi: "3.1.0", info, tags, paths };
}

function describeRoute(one: Route): Operation {
  const { tag, summary, description } = one;
  return {
    operationId: operationIdOf(one),
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    parameters: parametersOf(one),
    ...requestBodyOf(one),
    responses: { ...answersOf(one), ...problemsOf(one) },
  };
}

/** `getTopicsTopicRecords` of `GET /v1/topics/{topic}/records`. */
function operationIdOf({ method, path }: Route): string {
  const words = path.replace(/^\/v1\//, "").match(/[A-Za-z0-9]+/g) ?? [];
  const named = words.map((word) => (word[0]?.toUpperCase() ?? "") + word.slice(1));
  return method.toLowerCase() + named.join("");
}

const filters: Parameter = {
  name: "filter",
  in: "query",
  required: false,
  description:
    "Query parameters `key`, `key-prefix`, `header.NAME` and `json./pointer` (RFC 6901): a " +
    "record must agree with all that are given.",
  style: "form",
  explode: true,
  schema: { type: "object", additionalProperties: { type: "string" } },
};

function parametersOf(one: Route): Parameter[] {
  const { params = {}, needed = {}, query = {}, headers = {}, hasFilters } = one;
  const listed = (
    schemas: Readonly<Record<string, JsonSchema>>,
    place: Parameter["in"],
    required: boolean,
  ): Parameter[] =>
    Object.entries(schemas).map(([name, { description, ...schema }]) => ({
      name,
      in: place,
      required,
      ...(description !== undefined && { description }),
      schema,
    }));
  return [
    ...listed(params, "path", true),
    ...listed(needed, "query", true),
    ...listed(query, "query", false),
    ...(hasFilters === true ? [filters] : []),
    ...listed(headers, "header", false),
  ];
}

function requestBodyOf({ body }: Route): Pick<Operation, "requestBody"> {
  if (body === undefined) return {};
  if ("json" in body) return { requestBody: { required: true, content: jsonContent(body.json) } };
  const { description, bytes } = body;
  return { requestBody: { required: true, description, content: contentOf(bytes) } };
}

function jsonContent(schema: JsonSchema): Content {
  return { "application/json": { schema } };
}

function contentOf(schemas: Readonly<Record<string, JsonSchema>>): Content {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}

function answersOf({ answers }: Route): Record<string, Response> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, shape]) => [status, answerOf(shape)]),
  );
}

function answerOf({ description, content, headers }: AnswerShape): Response {
  const described = Object.entries(headers ?? {}).map(
    ([name, what]) => [name, { description: what, schema: { type: "string" } }] as const,
  );
  return {
    description,
    ...(content && { content: contentOf(content) }),
    ...(headers && { headers: Object.fromEntries(described) }),
  };
}

/** Problems of every route, and its own. */
function problemsOf({ problems = {}, body }: Route): Record<string, Response> {
  const all: Record<string, string> = {
    400: "A parameter is unknown or invalid.",
    403: "The host or the page's origin may not ask this.",
    ...(body && { 413: "The body is too large.", 503: "Too many bodies are under way." }),
    ...(body && "json" in body && { 415: "The body is not application/json." }),
    ...problems,
  };
  return Object.fromEntries(
    Object.entries(all).map(([status, description]) => [
      status,
      { description, content: { "application/problem+json": { schema: problem } } },
    ]),
  );
}
