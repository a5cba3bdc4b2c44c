import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenApi, Operation, Parameter } from "../../src/servers/http/reference/openapi.ts";
import { routes } from "../../src/servers/http/routes/index.ts";
import { describeRoutes } from "../../src/servers/http/reference/openapi.ts";
import { HttpDoor, type Told } from "../support/http-door.ts";
import { isLongRun } from "../support/repository.ts";
import { complain, operationsOf } from "../support/openapi-answers.ts";
import { wildly } from "../support/schema-values.ts";

const openapi: OpenApi = describeRoutes(routes);
const runsEach = isLongRun ? 2_000 : 60;

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open({
    "http.wait.max.ms": 20,
    "http.request.max.bytes": 200_000,
    "topics.max": 200,
    "partitions.max": 300,
    "buckets.max": 50,
  });
  for (const topic of ["a", "a.b"]) {
    const records = Array.from({ length: 9 }, (_, n) => `{"n":${n}}`).join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    await door.ask("POST", `/v1/topics/${topic}/records?key=k`, { headers, body: records });
  }
});
afterAll(() => door.close());

interface Sent {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** Values that are something here, by the parameter's name: most calls are to get far. */
const known: Readonly<Record<string, readonly unknown[]>> = {
  topic: ["a", "a", "a", "a.b", "new", "a-patches"],
  bucket: ["a", "b", "new"],
  name: ["a", "a.b", "1", "default"],
  key: ["k", "none"],
  partition: [0, 0, 0, 1],
  offset: [0, 3, 9, "earliest", "latest", "-3", "@2026-01-01", "@0"],
  "idempotency-key": ["one", "two"],
  accept: ["application/json", "application/x-ndjson", "text/plain", "*/*;q=0.1"],
  wait: ["0", "5ms"],
  limit: [1, 2, 100],
  "max-bytes": [1, 10, 1_000],
  timeout: ["1s"],
  "min-replicas": [1],
  "if-match": ['"9"', '"10"'],
  "if-none-match": ["*"],
};

function parameterValues({ name, schema }: Parameter): fc.Arbitrary<unknown> {
  const values = known[name];
  if (values === undefined) return wildly(schema);
  return fc.oneof(
    { arbitrary: fc.constantFrom(...values), weight: 9 },
    { arbitrary: wildly(schema), weight: 1 },
  );
}

/** Well-formed UTF-16 only: other text has no bytes. */
const asText = (value: unknown): string =>
  (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).toWellFormed();

function callsOf(path: string, operation: Operation): fc.Arbitrary<Sent> {
  const { parameters, requestBody } = operation;
  const valuesAt = (place: Parameter["in"], isWhole: boolean) => {
    const own = parameters.filter((parameter) => parameter.in === place);
    const needed = own.filter((parameter) => isWhole || parameter.required);
    const others = own.filter((parameter) => !needed.includes(parameter));
    return fc
      .subarray(others, { maxLength: Math.min(3, others.length) })
      .chain((some) =>
        fc.record(
          Object.fromEntries(
            [...needed, ...some].map((one) => [one.name, parameterValues(one)] as const),
          ),
        ),
      ) as fc.Arbitrary<Record<string, unknown>>;
  };
  const types = Object.entries(requestBody?.content ?? {});
  const bodies = types.map(([type, { schema }]) =>
    fc.record({
      type: fc.constant(type),
      content: fc.oneof(
        { arbitrary: wildly(schema).map((value) => JSON.stringify(value) ?? ""), weight: 4 },
        { arbitrary: fc.string(), weight: 1 },
        { arbitrary: fc.uint8Array(), weight: 1 },
      ),
    }),
  );
  const body = bodies.length === 0 ? fc.constant(undefined) : fc.oneof(...bodies);
  const query = fc.oneof(
    { arbitrary: valuesAt("query", false).map(formatQuery), weight: 9 },
    { arbitrary: fc.webQueryParameters(), weight: 1 },
  );
  return fc
    .record({ at: valuesAt("path", true), query, headers: valuesAt("header", false), body })
    .map((call) => {
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(asText(call.at[name])),
      );
      const headers = Object.entries(call.headers).map(
        ([name, value]) => [name, asText(value).replaceAll(/[^\x20-\x7e]/g, "?")] as const,
      );
      const type = call.body && { "content-type": call.body.type };
      return {
        path: call.query === "" ? filled : `${filled}?${call.query}`,
        headers: { ...Object.fromEntries(headers), ...type },
        ...(call.body && { body: call.body.content }),
      };
    });
}

function formatQuery(values: Record<string, unknown>): string {
  return Object.entries(values)
    .flatMap(([name, value]) =>
      name === "filter"
        ? Object.entries(value ?? {})
        : (Array.isArray(value) ? value : [value]).map((one: unknown) => [name, one] as const),
    )
    .map(
      ([name, value]) => `${encodeURIComponent(asText(name))}=${encodeURIComponent(asText(value))}`,
    )
    .join("&");
}

/** 503 and 507 say that the node has no room; others are its own fault. */
const isOwnFault = (answer: Told): boolean =>
  answer.status >= 500 && answer.status !== 503 && answer.status !== 507;

/** What deletes comes last: the others are to find something. */
const operations = operationsOf(openapi).toSorted(
  (one, other) => Number(one.method === "DELETE") - Number(other.method === "DELETE"),
);

test.each(operations)(
  "$name answers whatever it is asked as it is described",
  async ({ method, path, operation }) => {
    await fc.assert(
      fc.asyncProperty(callsOf(path, operation), async ({ path: asked, headers, body }) => {
        const answer = await door.ask(method, asked, { headers, ...(body && { body }) });
        expect(isOwnFault(answer), answer.text).toBe(false);
        // A part of the path that is empty makes it another path.
        const isElsewhere = answer.status === 404 || answer.status === 405;
        expect(isElsewhere ? undefined : complain(operation, answer)).toBeUndefined();
      }),
      { numRuns: runsEach },
    );
    expect(door.log.withLevel("error")).toEqual([]);
  },
  60_000,
);
