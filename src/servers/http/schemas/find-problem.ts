import type { JsonSchema } from "./schema.ts";

/**
 * What is wrong with a value, in words, by the first rule of the schema that it breaks; undefined:
 * nothing. Walks the schema as data: no code is made from it.
 */
export function findProblem(schema: JsonSchema, value: unknown, at = ""): string | undefined {
  if (schema.anyOf !== undefined) return findInAny(schema.anyOf, value, at);
  const type = typeOf(value);
  if (schema.type !== undefined && !isOfType(schema.type, value, type)) {
    return `${named(at)} must be ${inWords(schema.type)}`;
  }
  if (schema.enum !== undefined && value !== null && !schema.enum.includes(value as string)) {
    return `${named(at)} must be one of ${schema.enum.join(", ")}`;
  }
  switch (type) {
    case "string":
      return findInText(schema, value as string, at);
    case "number":
      return findInNumber(schema, value as number, at);
    case "array":
      return findInList(schema, value as readonly unknown[], at);
    case "object":
      return findInObject(schema, value as Readonly<Record<string, unknown>>, at);
    default:
      return undefined;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function isOfType(wanted: string | readonly string[], value: unknown, type: string): boolean {
  if (typeof wanted !== "string") return wanted.some((one) => isOfType(one, value, type));
  return wanted === "integer" ? Number.isSafeInteger(value) : wanted === type;
}

function inWords(type: string | readonly string[]): string {
  const words: Readonly<Record<string, string>> = {
    integer: "a whole number",
    array: "a list",
    object: "an object",
    null: "null",
    string: "text",
    boolean: "true or false",
    number: "a number",
  };
  const types = typeof type === "string" ? [type] : type;
  return types.map((one) => words[one] ?? one).join(" or ");
}

const named = (at: string): string => (at === "" ? "the body" : at);

function findInAny(choices: readonly JsonSchema[], value: unknown, at: string): string | undefined {
  let first: string | undefined;
  for (const choice of choices) {
    const problem = findProblem(choice, value, at);
    if (problem === undefined) return undefined;
    first ??= problem;
  }
  return first;
}

function findInText(schema: JsonSchema, value: string, at: string): string | undefined {
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  if (value.length < minLength) return `${named(at)} must have at least ${minLength} character(s)`;
  if (value.length > maxLength) return `${named(at)} must have at most ${maxLength} characters`;
  if (pattern === undefined || compiled(pattern).test(value)) return undefined;
  return `${named(at)} must match ${pattern}`;
}

const patterns = new Map<string, RegExp>();

/** Patterns are the schemas' own, never a client's. */
function compiled(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (found === undefined) patterns.set(pattern, (found = new RegExp(pattern, "u")));
  return found;
}

function findInNumber(schema: JsonSchema, value: number, at: string): string | undefined {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (value < minimum) return `${named(at)} must be at least ${minimum}`;
  return value > maximum ? `${named(at)} must be at most ${maximum}` : undefined;
}

function findInList(
  schema: JsonSchema,
  values: readonly unknown[],
  at: string,
): string | undefined {
  const { items, minItems = 0, maxItems = Infinity } = schema;
  if (values.length < minItems) return `${named(at)} must have at least ${minItems} entries`;
  if (values.length > maxItems) return `${named(at)} must have at most ${maxItems} entries`;
  if (items === undefined) return undefined;
  for (const [index, value] of values.entries()) {
    const problem = findProblem(items, value, `${at}[${index}]`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function findInObject(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  at: string,
): string | undefined {
  const inside = at === "" ? "" : `${at}.`;
  const absent = schema.required?.find((name) => !Object.hasOwn(value, name));
  if (absent !== undefined) return `${inside}${absent} is missing`;
  const entries = Object.entries(value);
  const { properties = {}, additionalProperties = true, maxProperties = Infinity } = schema;
  if (entries.length > maxProperties) {
    return `${named(at)} must have at most ${maxProperties} fields`;
  }
  for (const [name, field] of entries) {
    const own = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (own === true || own === undefined) continue;
    if (own === false) return `${inside}${name} is unknown here`;
    const problem = findProblem(own, field, `${inside}${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
