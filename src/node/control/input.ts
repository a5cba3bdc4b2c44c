import { XylemError } from "../../base/errors.ts";

/** Reads one field of a command's argument; `undefined` where it was not given. */
export type Field<T> = (value: unknown, name: string) => T;

/** A command's argument: its fields by name. */
export type InputShape = Readonly<Record<string, Field<unknown>>>;

export type Input<Shape extends InputShape> = {
  readonly [Name in keyof Shape]: ReturnType<Shape[Name]>;
};

/** The argument as the command declares it. Throws INVALID_REQUEST, naming the field. */
export function readInput<Shape extends InputShape>(shape: Shape, argument: unknown): Input<Shape> {
  if (!isRecord(argument)) throw new XylemError("INVALID_REQUEST", "an argument is an object");
  const stranger = Object.keys(argument).find((name) => !Object.hasOwn(shape, name));
  if (stranger !== undefined) throw new XylemError("INVALID_REQUEST", `there is no "${stranger}"`);
  const fields = Object.entries(shape).map(([name, read]) => [name, read(argument[name], name)]);
  return Object.fromEntries(fields) as Input<Shape>;
}

export const text: Field<string> = (value, name) => {
  if (typeof value === "string") return value;
  throw wrong(name, "a text");
};

export const wholeNumber: Field<number> = (value, name) => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong(name, "a whole number from 0 on");
};

/** False when absent. */
export const flag: Field<boolean> = (value, name) => {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw wrong(name, "true or false");
};

/** Texts by name; none when absent. */
export const textMap: Field<ReadonlyMap<string, string>> = (value, name) => {
  if (value === undefined) return new Map();
  if (!isRecord(value)) throw wrong(name, "an object of texts");
  return new Map(Object.entries(value).map(([key, entry]) => [key, text(entry, name)]));
};

/** None when absent. */
export const textList: Field<readonly string[]> = (value, name) => {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(name, "a list of texts");
  return value.map((entry) => text(entry, name));
};

export function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value, name) => (value === undefined ? undefined : field(value, name));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(name: string, wanted: string): XylemError {
  return new XylemError("INVALID_REQUEST", `"${name}" has to be ${wanted}`);
}
