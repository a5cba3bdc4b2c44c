import { ByteWriter } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type { PlanVersion } from "./read-plan.ts";
import {
  type FieldShape,
  isAbsent,
  type NullableShape,
  type RunShape,
  type Shape,
  type StructShape,
} from "./shape.ts";
import { hasVersion } from "./versions.ts";

/** Writes one value of one type at one version. */
export type WritePlan = (writer: ByteWriter, value: unknown) => void;

type StructValue = Readonly<Record<string, unknown>>;

interface WriteStep {
  readonly field: FieldShape;
  readonly write: WritePlan;
}

/** Compiles the closures that write `shape`; done once per message and version. */
export function planWrite(shape: Shape, at: PlanVersion): WritePlan {
  switch (shape.kind) {
    case "scalar":
      return shape.write as WritePlan;
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

function planNullable(shape: NullableShape, at: PlanVersion): WritePlan {
  const { of } = shape;
  if (!hasVersion(shape.versions, at.version)) return planWrite(of, at);
  switch (of.kind) {
    case "string":
    case "bytes":
    case "records":
      return planRun(of, at, true);
    case "array":
      return planArray(of.element, at, true);
    default: {
      const write = planWrite(of, at);
      return (writer, value) => {
        writer.int8(value === null ? -1 : 1);
        if (value !== null) write(writer, value);
      };
    }
  }
}

/** Takes -1 for null. */
type WriteSize = (writer: ByteWriter, size: number) => void;

const compactSize: WriteSize = (writer, size) => writer.uvarint(size + 1);
const int32Size: WriteSize = (writer, size) => writer.int32(size);
const int16Size: WriteSize = (writer, size) => {
  if (size > 0x7fff) throw new XylemError("INVALID_REQUEST", `text of ${size} bytes is too long`);
  writer.int16(size);
};

function planRun(shape: RunShape, at: PlanVersion, nullable: boolean): WritePlan {
  const compact = at.flexible && !shape.inflexible;
  const writeSize = compact ? compactSize : shape.kind === "string" ? int16Size : int32Size;
  const isText = shape.kind === "string";
  return (writer, value) => {
    if (value === null) {
      refuseNull(nullable, shape.kind);
      writeSize(writer, -1);
    } else if (isText) {
      writer.utf8(value as string, writeSize);
    } else {
      writeRuns(writer, value as Uint8Array | readonly Uint8Array[], writeSize);
    }
  };
}

function writeRuns(
  writer: ByteWriter,
  runs: Uint8Array | readonly Uint8Array[],
  writeSize: WriteSize,
): void {
  if (runs instanceof Uint8Array) {
    writeSize(writer, runs.length);
    writer.raw(runs);
    return;
  }
  let sizeBytes = 0;
  for (const run of runs) sizeBytes += run.length;
  writeSize(writer, sizeBytes);
  for (const run of runs) writer.raw(run);
}

function planArray(element: Shape, at: PlanVersion, nullable: boolean): WritePlan {
  const writeSize = at.flexible ? compactSize : int32Size;
  const write = planWrite(element, at);
  return (writer, value) => {
    if (value === null) {
      refuseNull(nullable, "array");
      writeSize(writer, -1);
      return;
    }
    const elements = value as readonly unknown[];
    writeSize(writer, elements.length);
    for (let index = 0; index < elements.length; index++) write(writer, elements[index]);
  };
}

function refuseNull(nullable: boolean, kind: string): void {
  assert(nullable, `null given for a ${kind} that can not be null in this version`);
}

function planStruct(shape: StructShape, at: PlanVersion): WritePlan {
  const present = shape.fields.filter((field) => hasVersion(field.versions, at.version));
  const steps = present.filter((field) => field.tag === undefined).map((f) => step(f, at));
  const tagged = present.filter((field) => field.tag !== undefined).map((f) => step(f, at));
  tagged.sort((one, other) => (one.field.tag ?? 0) - (other.field.tag ?? 0));
  const missing = shape.fields.filter((field) => !present.includes(field) && !field.ignorable);
  const { flexible, version } = at;
  return (writer, value) => {
    const struct = value as StructValue;
    for (let index = 0; index < missing.length; index++) {
      refuseLoss(missing[index] as FieldShape, struct, version);
    }
    for (let index = 0; index < steps.length; index++) {
      const { field, write } = steps[index] as WriteStep;
      const given = struct[field.name];
      write(writer, given === undefined ? field.absent : given);
    }
    if (flexible) writeTagged(writer, tagged, struct);
  };
}

function step(field: FieldShape, at: PlanVersion): WriteStep {
  return { field, write: planWrite(field.shape, at) };
}

/** A value that the version can not carry is an error, unless the field says it may be dropped. */
function refuseLoss(field: FieldShape, struct: StructValue, version: number): void {
  if (isAbsent(field.shape, struct[field.name], field.absent)) return;
  throw new XylemError("UNSUPPORTED_VERSION", `version ${version} has no field ${field.name}`);
}

function writeTagged(writer: ByteWriter, tagged: readonly WriteStep[], struct: StructValue): void {
  let count = 0;
  for (const { field } of tagged) {
    if (!isAbsent(field.shape, struct[field.name], field.absent)) count++;
  }
  writer.uvarint(count);
  if (count === 0) return;
  for (const { field, write } of tagged) {
    const given = struct[field.name];
    if (isAbsent(field.shape, given, field.absent)) continue;
    const part = new ByteWriter(64);
    write(part, given);
    writer.uvarint(field.tag as number);
    writer.uvarint(part.sizeBytes);
    for (const chunk of part.finish()) writer.raw(chunk);
  }
}
