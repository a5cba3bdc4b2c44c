import { readdirSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import type { MessageCodec } from "./schema/message.ts";
import type { FieldShape, Shape } from "./schema/shape.ts";
import { hasVersion } from "./schema/versions.ts";

const folder = new URL("./messages/", import.meta.url);
const codecs: MessageCodec[] = [];
for (const file of readdirSync(folder)) {
  const exported: Record<string, unknown> = await import(new URL(file, folder).href);
  for (const value of Object.values(exported)) {
    if (typeof value === "object") codecs.push(value as MessageCodec);
  }
}
const cases = codecs.flatMap((codec) => {
  const { min, max } = codec.validVersions;
  return Array.from({ length: max - min + 1 }, (_, at) => ({ codec, version: min + at }));
});

/** Values that a version can carry; a field that it lacks has its default. */
function arbitrary(shape: Shape, version: number): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "scalar":
      return arbitraryScalar(shape.sizeBytes, shape.zero);
    case "string":
      return fc.string({ maxLength: 5, unit: "grapheme" });
    case "bytes":
    case "records":
      return fc.uint8Array({ maxLength: 5 });
    case "array":
      return fc.array(arbitrary(shape.element, version), { maxLength: 2 });
    case "nullable":
      return hasVersion(shape.versions, version)
        ? fc.option(arbitrary(shape.of, version))
        : arbitrary(shape.of, version);
    case "struct":
      return fc.record(
        Object.fromEntries(shape.fields.map((field) => [field.name, ofField(field, version)])),
      );
  }
}

function ofField(field: FieldShape, version: number): fc.Arbitrary<unknown> {
  if (!hasVersion(field.versions, version)) return fc.constant(field.absent);
  return arbitrary(field.shape, version);
}

function arbitraryScalar(sizeBytes: number, zero: unknown): fc.Arbitrary<unknown> {
  if (typeof zero === "boolean") return fc.boolean();
  if (sizeBytes === 16) return fc.uint8Array({ minLength: 16, maxLength: 16 });
  if (sizeBytes === 8) return fc.maxSafeInteger();
  return fc.nat(2 ** (8 * sizeBytes - 1) - 1);
}

function written({ codec, version }: (typeof cases)[number], value: unknown): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value, version);
  return writer.toBytes();
}

function isReadOrRefused({ codec, version }: (typeof cases)[number], bytes: Uint8Array): boolean {
  try {
    codec.read(new ByteReader(bytes), version);
    return true;
  } catch (error) {
    return error instanceof MalformedError;
  }
}

test("the folder of messages was read", () => {
  expect(codecs.length).toBeGreaterThan(120);
  expect(cases.length).toBeGreaterThan(400);
});

describe.each(codecs)("$name", (codec) => {
  const versions = cases.filter((one) => one.codec === codec);

  test("in every version what was written is read", () => {
    for (const one of versions) {
      const property = fc.property(arbitrary(codec.shape, one.version), (value) => {
        const reader = new ByteReader(written(one, value));
        expect(codec.read(reader, one.version)).toEqual(value);
        expect(reader.left).toBe(0);
      });
      fc.assert(property, { numRuns: 10 });
    }
  });

  test("cut at any byte it is refused cleanly", () => {
    for (const one of versions) {
      const [value] = fc.sample(arbitrary(codec.shape, one.version), { numRuns: 1, seed: 7 });
      const bytes = written(one, value);
      for (let end = 0; end < bytes.length; end++) {
        const reader = new ByteReader(bytes, 0, end);
        expect(() => codec.read(reader, one.version)).toThrow(MalformedError);
      }
    }
  });

  test("random bytes are a message or are refused", () => {
    for (const one of versions) {
      const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(isReadOrRefused(one, bytes)).toBe(true);
      });
      fc.assert(property, { numRuns: 20 });
    }
  });
});
