import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { VersionRange } from "./versions.ts";

/** A value of fixed size that is written alike in all versions. */
export interface ScalarShape {
  readonly kind: "scalar";
  readonly sizeBytes: number;
  readonly zero: unknown;
  readonly read: (reader: ByteReader) => unknown;
  readonly write: (writer: ByteWriter, value: never) => void;
}

/** Text or bytes after their size, whose form depends on whether the version is flexible. */
export interface RunShape {
  readonly kind: "string" | "bytes" | "records";
  /** Set: the old encoding even in flexible versions. */
  readonly inflexible: boolean;
}

export interface ArrayShape {
  readonly kind: "array";
  readonly element: Shape;
}

export interface StructShape {
  readonly kind: "struct";
  readonly fields: readonly FieldShape[];
}

/** `of`, or null in the given versions. */
export interface NullableShape {
  readonly kind: "nullable";
  readonly of: Shape;
  readonly versions: VersionRange;
}

/** What a wire type looks like, apart from its TypeScript type. */
export type Shape = ScalarShape | RunShape | ArrayShape | StructShape | NullableShape;

export interface FieldShape {
  readonly name: string;
  readonly shape: Shape;
  readonly versions: VersionRange;
  /** Tagged fields lie in the tagged section of their struct. */
  readonly tag: number | undefined;
  /** What a reader gets, and a writer means, when the field is absent. */
  readonly absent: unknown;
  /** Set: writers of versions without the field may drop a value silently. */
  readonly ignorable: boolean;
}

/** The default of a field that declares none. */
export function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case "scalar":
      return shape.zero;
    case "string":
      return "";
    case "bytes":
      return noBytes;
    case "records":
      return null;
    case "array":
      return noElements;
    case "nullable":
      return zeroOf(shape.of);
    case "struct":
      return Object.fromEntries(shape.fields.map((field) => [field.name, field.absent]));
  }
}

const noBytes = new Uint8Array(0);
const noElements: readonly never[] = Object.freeze([]);

/** Whether `value` is what an absent field means anyway. */
export function isAbsent(shape: Shape, value: unknown, absent: unknown): boolean {
  if (value === undefined || value === absent) return true;
  if (value === null || absent === null) return false;
  switch (shape.kind) {
    case "nullable":
      return isAbsent(shape.of, value, absent);
    case "scalar":
      return isEqualScalar(value, absent);
    case "bytes":
    case "records":
    case "array":
      return (value as { length: number }).length === 0;
    case "struct":
      return shape.fields.every((field) =>
        isAbsent(field.shape, (value as Record<string, unknown>)[field.name], field.absent),
      );
    case "string":
      return false;
  }
}

function isEqualScalar(value: unknown, absent: unknown): boolean {
  if (value instanceof Uint8Array) return value.every((byte) => byte === 0);
  return typeof value === "bigint" && value === absent;
}
