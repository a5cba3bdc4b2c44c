import type { ByteReader } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import type { FieldShape, NullableShape, RunShape, Shape, StructShape } from "./shape.ts";
import { hasVersion } from "./versions.ts";

/** Reads one value of one type at one version. */
export type ReadPlan = (reader: ByteReader) => unknown;

/** The version that a plan is for. */
export interface PlanVersion {
  readonly version: number;
  readonly flexible: boolean;
}

interface ReadStep {
  readonly name: string;
  readonly read: ReadPlan;
}

/** Compiles the closures that read `shape`; done once per message and version. */
export function planRead(shape: Shape, at: PlanVersion): ReadPlan {
  switch (shape.kind) {
    case "scalar":
      return shape.read;
    case "string":
    case "bytes":
    case "records":
      return planRun(shape, at, false);
    case "array":
      return planArray(shape.element, at, false);
    case "struct":
      return planStruct(shape, at);
    case "nullable":
      return planNullable(shape, at);
  }
}

function planNullable(shape: NullableShape, at: PlanVersion): ReadPlan {
  const { of } = shape;
  if (!hasVersion(shape.versions, at.version)) return planRead(of, at);
  switch (of.kind) {
    case "string":
    case "bytes":
    case "records":
      return planRun(of, at, true);
    case "array":
      return planArray(of.element, at, true);
    default: {
      const read = planRead(of, at);
      return (reader) => (reader.int8() < 0 ? null : read(reader));
    }
  }
}

/** Answers -1 for null. */
type ReadSize = (reader: ByteReader) => number;

const compactSize: ReadSize = (reader) => reader.uvarint() - 1;
const int32Size: ReadSize = (reader) => reader.int32();
const int16Size: ReadSize = (reader) => reader.int16();

function planRun(shape: RunShape, at: PlanVersion, nullable: boolean): ReadPlan {
  const compact = at.flexible && !shape.inflexible;
  const readSize = compact ? compactSize : shape.kind === "string" ? int16Size : int32Size;
  const isText = shape.kind === "string";
  return (reader) => {
    const sizeBytes = readSize(reader);
    if (sizeBytes < 0) return nullOf(sizeBytes, nullable);
    return isText ? reader.utf8(sizeBytes) : reader.bytes(sizeBytes);
  };
}

function planArray(element: Shape, at: PlanVersion, nullable: boolean): ReadPlan {
  const readSize = at.flexible ? compactSize : int32Size;
  const read = planRead(element, at);
  const elementBytesMin = Math.max(1, sizeBytesMinOf(element, at));
  return (reader) => {
    const count = readSize(reader);
    if (count < 0) return nullOf(count, nullable);
    reader.claimElements(count, elementBytesMin);
    const elements: unknown[] = [];
    for (let index = 0; index < count; index++) elements.push(read(reader));
    return elements;
  };
}

function nullOf(sizeBytes: number, nullable: boolean): null {
  if (sizeBytes < -1 || !nullable) {
    throw new MalformedError(sizeBytes === -1 ? "null where it is not allowed" : "negative size");
  }
  return null;
}

function planStruct(shape: StructShape, at: PlanVersion): ReadPlan {
  const present = shape.fields.filter((field) => hasVersion(field.versions, at.version));
  const steps = present.filter((field) => field.tag === undefined).map((f) => step(f, at));
  const tagged = new Map<number, ReadStep>();
  for (const field of present) if (field.tag !== undefined) tagged.set(field.tag, step(field, at));
  // Every object of a struct starts as a copy of this one, so that all have the same hidden class.
  const blank = Object.fromEntries(shape.fields.map((field) => [field.name, field.absent]));
  const { flexible } = at;
  return (reader) => {
    const value: Record<string, unknown> = { ...blank };
    for (let index = 0; index < steps.length; index++) {
      const { name, read } = steps[index] as ReadStep;
      value[name] = read(reader);
    }
    if (flexible) readTagged(reader, tagged, value);
    return value;
  };
}

function step(field: FieldShape, at: PlanVersion): ReadStep {
  return { name: field.name, read: planRead(field.shape, at) };
}

/** Unknown tags are skipped, as every reader of flexible versions must (KIP-482). */
function readTagged(
  reader: ByteReader,
  tagged: ReadonlyMap<number, ReadStep>,
  value: Record<string, unknown>,
): void {
  const count = reader.uvarint();
  let previous = -1;
  for (let index = 0; index < count; index++) {
    const tag = reader.uvarint();
    if (tag <= previous) throw new MalformedError(`tag ${tag} after ${previous}`);
    previous = tag;
    const sizeBytes = reader.uvarint();
    const end = reader.position + sizeBytes;
    const known = tagged.get(tag);
    if (known === undefined) {
      reader.skip(sizeBytes);
      continue;
    }
    if (sizeBytes > reader.left) throw new MalformedError(`tag ${tag} ends past the message`);
    value[known.name] = known.read(reader);
    if (reader.position !== end) throw new MalformedError(`tag ${tag} is not of the size it says`);
  }
}

/** The fewest bytes that a value of this shape takes. */
export function sizeBytesMinOf(shape: Shape, at: PlanVersion): number {
  switch (shape.kind) {
    case "scalar":
      return shape.sizeBytes;
    case "string":
      return at.flexible && !shape.inflexible ? 1 : 2;
    case "bytes":
    case "records":
    case "array":
      return at.flexible ? 1 : 4;
    case "nullable":
      return Math.min(sizeBytesMinOf(shape.of, at), shape.of.kind === "struct" ? 1 : Infinity);
    case "struct": {
      let total = at.flexible ? 1 : 0;
      for (const field of shape.fields) {
        if (field.tag !== undefined || !hasVersion(field.versions, at.version)) continue;
        total += sizeBytesMinOf(field.shape, at);
      }
      return total;
    }
  }
}
