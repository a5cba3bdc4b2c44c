import type { FieldShape, Shape } from "../../src/protocol/schema/shape.ts";
import { hasVersion } from "../../src/protocol/schema/versions.ts";

/** What a sample's texts, numbers and bytes are. */
export interface SampleParts {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/**
 * A value of a message in one version: every array has one element, everything nullable is there,
 * numbers are zero.
 */
export function sampleOf(shape: Shape, version: number, parts: SampleParts): unknown {
  switch (shape.kind) {
    case "scalar":
      return shape.zero;
    case "string":
      return parts.text;
    case "bytes":
    case "records":
      return parts.bytes;
    case "array":
      return [sampleOf(shape.element, version, parts)];
    case "nullable":
      return sampleOf(shape.of, version, parts);
    case "struct":
      return Object.fromEntries(
        shape.fields.map((field) => [field.name, sampleField(field, version, parts)]),
      );
  }
}

function sampleField(field: FieldShape, version: number, parts: SampleParts): unknown {
  return hasVersion(field.versions, version) ? sampleOf(field.shape, version, parts) : field.absent;
}
