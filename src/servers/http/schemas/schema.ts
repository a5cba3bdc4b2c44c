/** JSON Schema (2020-12), as far as the HTTP door uses it. OpenAPI shows it as it is. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly maxProperties?: number;
  readonly anyOf?: readonly JsonSchema[];
}

declare const shape: unique symbol;

/** A JSON Schema that TypeScript knows the values of: written once, checked by both. */
export type Schema<T = unknown> = JsonSchema & { readonly [shape]?: T };

export type ValueOf<S> = S extends { readonly [shape]?: infer T } ? T : never;

type Schemas = Readonly<Record<string, Schema>>;

/** The value of an object whose `Required` are there and whose `Optional` may be. */
export type ObjectValue<Required extends Schemas, Optional extends Schemas> = {
  readonly [Name in keyof Required]: ValueOf<Required[Name]>;
} & { readonly [Name in keyof Optional]?: ValueOf<Optional[Name]> };

export function text(rules: JsonSchema = {}): Schema<string> {
  return { type: "string", ...rules };
}

export function integer(rules: JsonSchema = {}): Schema<number> {
  const { MIN_SAFE_INTEGER: minimum, MAX_SAFE_INTEGER: maximum } = Number;
  return { type: "integer", minimum, maximum, ...rules };
}

/** Not only whole ones. */
export function decimal(rules: JsonSchema = {}): Schema<number> {
  return { type: "number", ...rules };
}

export function flag(rules: JsonSchema = {}): Schema<boolean> {
  return { type: "boolean", ...rules };
}

export function oneOf<const T extends string>(
  choices: readonly T[],
  rules: JsonSchema = {},
): Schema<T> {
  return { type: "string", enum: choices, ...rules };
}

export function orNull<T>(schema: Schema<T>): Schema<T | null> {
  const { type } = schema;
  const types = typeof type === "string" ? [type] : (type ?? []);
  return { ...(schema as JsonSchema), type: [...types, "null"] };
}

export function anyOf<const S extends readonly Schema[]>(
  schemas: S,
  rules: JsonSchema = {},
): Schema<ValueOf<S[number]>> {
  return { anyOf: schemas, ...rules };
}

export function listOf<T>(items: Schema<T>, rules: JsonSchema = {}): Schema<readonly T[]> {
  return { type: "array", items, ...rules };
}

/** Values by names that are not known beforehand. */
export function mapOf<T>(
  values: Schema<T>,
  rules: JsonSchema = {},
): Schema<Readonly<Record<string, T>>> {
  return { type: "object", additionalProperties: values, ...rules };
}

/** An object with these fields and no others. */
export function object<
  const Required extends Schemas,
  const Optional extends Schemas = Record<never, never>,
>(required: Required, optional?: Optional): Schema<ObjectValue<Required, Optional>> {
  return {
    type: "object",
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}
