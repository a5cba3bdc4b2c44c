import type { ByteReader, ByteWriter, Int64 } from "../../base/bytes.ts";
import { type FieldShape, type ScalarShape, type Shape, zeroOf } from "./shape.ts";
import { everyVersion, parseVersions, type VersionRange } from "./versions.ts";

/** Carries the TypeScript types of a wire type; never there at run time. */
declare const typed: unique symbol;

/**
 * A type on the wire. `Read` is what a reader answers, `Written` what a writer takes: the same but
 * for fields with a default, which a writer may leave out.
 */
export interface WireType<out Read = unknown, out Written = Read> {
  readonly shape: Shape;
  readonly [typed]?: { readonly read: Read; readonly written: Written };
}

/** A field that not every version has, or that has a default: writers may leave it out. */
export interface WireField<out Read = unknown, out Written = Read> {
  readonly field: Omit<FieldShape, "name">;
  readonly [typed]?: { readonly read: Read; readonly written: Written };
}

/** Fields in wire order. */
export type Fields = Readonly<Record<string, WireType | WireField>>;

/** The value that a reader of `T` answers. */
export type Read<T> = T extends { readonly [typed]?: { readonly read: infer R } } ? R : never;
/** The value that a writer of `T` takes. */
export type Written<T> = T extends { readonly [typed]?: { readonly written: infer W } } ? W : never;

export type ReadFields<F> = { [K in keyof F]: Read<F[K]> };
export type WrittenFields<F> = Plain<
  { -readonly [K in keyof F as F[K] extends WireField ? never : K]: Written<F[K]> } & {
    -readonly [K in keyof F as F[K] extends WireField ? K : never]?: Written<F[K]> | undefined;
  }
>;
type Plain<T> = { [K in keyof T]: T[K] };

type Element<T> = T extends WireType | WireField ? Read<T> : ReadFields<T>;
type WrittenElement<T> = T extends WireType | WireField ? Written<T> : WrittenFields<T>;

/** Option of a field: writers of versions without it may drop a value silently. */
export interface FieldOptions {
  readonly ignorable: boolean;
}

/** No uuid: 16 zero bytes. */
export const noUuid = new Uint8Array(16);

const refused: FieldOptions = { ignorable: false };

/**
 * The vocabulary of message definitions. A struct is an object literal whose order is the order on
 * the wire; each field is a type, or says in which versions it is there and what it is elsewhere.
 */
export const wire = {
  bool: scalar<boolean>({
    sizeBytes: 1,
    zero: false,
    read: (reader) => reader.int8() !== 0,
    write: (writer, value: boolean) => writer.int8(value ? 1 : 0),
  }),
  int8: scalar<number>({
    sizeBytes: 1,
    zero: 0,
    read: (reader) => reader.int8(),
    write: (writer, value: number) => writer.int8(value),
  }),
  int16: scalar<number>({
    sizeBytes: 2,
    zero: 0,
    read: (reader) => reader.int16(),
    write: (writer, value: number) => writer.int16(value),
  }),
  uint16: scalar<number>({
    sizeBytes: 2,
    zero: 0,
    read: (reader) => reader.uint16(),
    write: (writer, value: number) => writer.uint16(value),
  }),
  int32: scalar<number>({
    sizeBytes: 4,
    zero: 0,
    read: (reader) => reader.int32(),
    write: (writer, value: number) => writer.int32(value),
  }),
  uint32: scalar<number>({
    sizeBytes: 4,
    zero: 0,
    read: (reader) => reader.uint32(),
    write: (writer, value: number) => writer.uint32(value),
  }),
  /** A bigint only past 2^53 - 1, where a double is not exact: the user of the field refuses it. */
  int64: scalar<Int64>({
    sizeBytes: 8,
    zero: 0,
    read: (reader) => reader.int64(),
    write: (writer, value: Int64) => writer.int64(value),
  }),
  float64: scalar<number>({
    sizeBytes: 8,
    zero: 0,
    read: (reader) => reader.float64(),
    write: (writer, value: number) => writer.float64(value),
  }),
  /** 16 bytes, a view of the message; all zero means none. */
  uuid: scalar<Uint8Array>({
    sizeBytes: 16,
    zero: noUuid,
    read: (reader) => reader.bytes(16),
    write: (writer, value: Uint8Array) => writer.copy(value),
  }),
  string: { shape: { kind: "string", inflexible: false } } as WireType<string>,
  nullableString: {
    shape: { kind: "nullable", of: { kind: "string", inflexible: false }, versions: everyVersion },
  } as WireType<string | null>,
  /** The old encoding even in flexible versions: the client id of a request header. */
  inflexibleString: {
    shape: { kind: "nullable", of: { kind: "string", inflexible: true }, versions: everyVersion },
  } as WireType<string | null>,
  /** A view of the message. */
  bytes: { shape: { kind: "bytes", inflexible: false } } as WireType<Uint8Array>,
  nullableBytes: {
    shape: { kind: "nullable", of: { kind: "bytes", inflexible: false }, versions: everyVersion },
  } as WireType<Uint8Array | null>,
  /** Record batches as they are, a view of the message; several runs may be written as one. */
  records: {
    shape: { kind: "nullable", of: { kind: "records", inflexible: false }, versions: everyVersion },
  } as WireType<Uint8Array | null, Uint8Array | readonly Uint8Array[] | null>,

  array,
  struct,
  nullable,
  otherwise,
  since,
  versions,
  tagged,
  ignorable: { ignorable: true } as FieldOptions,
};

function scalar<T>(shape: {
  sizeBytes: number;
  zero: T;
  read: (reader: ByteReader) => T;
  write: (writer: ByteWriter, value: T) => void;
}): WireType<T> {
  return { shape: { kind: "scalar", ...shape } satisfies ScalarShape as Shape };
}

/** Elements of a type, or of the struct that the literal says. */
function array<const T extends WireType | Fields>(
  element: T,
): WireType<readonly Element<T>[], readonly WrittenElement<T>[]> {
  return { shape: { kind: "array", element: shapeOf(element) } };
}

/** A struct, for use in more than one place or as a field of its own. */
function struct<const F extends Fields>(fields: F): WireType<ReadFields<F>, WrittenFields<F>> {
  return { shape: shapeOf(fields) };
}

/** Null is a value, in the given versions only when some are given. */
function nullable<R, W>(type: WireType<R, W>, versions?: string): WireType<R | null, W | null> {
  const range = versions === undefined ? everyVersion : parseVersions(versions);
  return { shape: { kind: "nullable", of: bare(type.shape), versions: range } };
}

/** In all versions; `absent` is what a writer means that leaves it out. */
function otherwise<R, W>(type: WireType<R, W>, absent?: R): WireField<R, W> {
  return field(type, everyVersion, { absent, ...refused });
}

/** From `version` on; before it, readers get `absent`, the zero of the type when not given. */
function since<R, W>(
  version: number,
  type: WireType<R, W>,
  absent?: R,
  options = refused,
): WireField<R, W> {
  return field(type, { min: version, max: everyVersion.max }, { absent, ...options });
}

/** In some versions only, such as `"4-7"`. */
function versions<R, W>(
  range: string,
  type: WireType<R, W>,
  absent?: R,
  options = refused,
): WireField<R, W> {
  return field(type, parseVersions(range), { absent, ...options });
}

/** In the tagged section, from `since` on; left out when it equals `absent`. */
function tagged<R, W>(
  place: { tag: number; since: number },
  type: WireType<R, W>,
  absent?: R,
  options = refused,
): WireField<R, W> {
  const range = { min: place.since, max: everyVersion.max };
  return field(type, range, { absent, tag: place.tag, ...options });
}

function field<R, W>(
  type: WireType<R, W>,
  versions: VersionRange,
  options: { absent: R | undefined; tag?: number; ignorable: boolean },
): WireField<R, W> {
  const { absent = zeroOf(type.shape), tag, ignorable } = options;
  return { field: { shape: type.shape, versions, tag, absent: frozen(absent), ignorable } };
}

/** All readers answer the same default: nobody may change it. Bytes can not be frozen. */
function frozen(absent: unknown): unknown {
  return absent instanceof Uint8Array ? absent : Object.freeze(absent);
}

/** The shape of a literal's fields, in the literal's order. */
export function shapeOf(element: WireType | Fields): Shape {
  if (isWireType(element)) return element.shape;
  return { kind: "struct", fields: Object.entries(element).map(fieldShape) };
}

function fieldShape([name, type]: [string, WireType | WireField]): FieldShape {
  if ("field" in type) return { name, ...type.field };
  const { shape } = type;
  const always = { versions: everyVersion, tag: undefined, ignorable: false };
  return { name, shape, absent: zeroOf(shape), ...always };
}

/** A struct may have a field named "shape": only a wire type's is an object with a kind. */
function isWireType(element: WireType | Fields): element is WireType {
  return "shape" in element && "kind" in element.shape && typeof element.shape.kind === "string";
}

function bare(shape: Shape): Shape {
  return shape.kind === "nullable" ? shape.of : shape;
}
