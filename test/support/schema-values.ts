import fc from "fast-check";
import type { JsonSchema } from "../../src/servers/http/schemas/schema.ts";
import { topicSettings } from "../../src/base/settings/topic-settings.ts";

/** Names that mean something somewhere, and names that break what does not expect them. */
const names = fc.constantFrom(
  "a",
  "a.b",
  "__consumer_offsets",
  "__cluster_metadata",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "..",
  "../../etc/passwd",
  "%2e%2e",
  "\0",
  "ä\u{1F600}",
  "x".repeat(300),
  "",
  ...Object.keys(topicSettings).slice(0, 12),
);
const words = fc.oneof(
  names,
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
);
const numbers = fc.oneof(
  fc.integer({ min: -2, max: 20 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-1, 2 ** 31, 2 ** 53, -(2 ** 53), 1e300),
);

/** Values that a schema allows; keywords that bound them only as far as it matters here. */
export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf));
  if (schema.enum !== undefined) return fc.constantFrom<unknown>(...schema.enum);
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  if (types.length === 0) return fc.jsonValue();
  return fc.oneof(...types.map((type) => valuesOfType(type, schema)));
}

function valuesOfType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  switch (type) {
    case "string":
      return schema.pattern === undefined
        ? words
        : fc.oneof(fc.stringMatching(new RegExp(schema.pattern)), words);
    case "integer":
      return fc.oneof(
        fc.integer({ min: Math.max(minimum, -5), max: Math.min(maximum, 5) }),
        fc.maxSafeInteger().map((value) => Math.min(maximum, Math.max(minimum, value))),
      );
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(schema.items ? valuesOf(schema.items) : fc.jsonValue(), { maxLength: 5 });
    default:
      return objectsOf(schema);
  }
}

function objectsOf({ properties, required = [], additionalProperties }: JsonSchema) {
  if (properties === undefined) {
    const values = typeof additionalProperties === "object" ? valuesOf(additionalProperties) : null;
    return fc.dictionary(words, values ?? fc.jsonValue(), { maxKeys: 4 });
  }
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema)]),
  );
  return fc.record(fields, { requiredKeys: [...required] as never[] });
}

/** Mostly what the schema allows, at times anything. */
export function wildly(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof(
    { arbitrary: valuesOf(schema), weight: 9 },
    { arbitrary: fc.oneof(words, numbers, fc.jsonValue()), weight: 1 },
  );
}
