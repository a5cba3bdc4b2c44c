import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from "../../src/protocol/messages/headers.ts";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";
import { asVector, fromHex, loadCodecs, loadVectors, toHex } from "./vector.ts";

interface MessageVector {
  readonly id: string;
  readonly message: string;
  readonly version: number;
  readonly headerVersion: number;
  readonly hex: string;
  readonly header: unknown;
  readonly body: unknown;
}

interface SaslVector {
  readonly id: string;
  readonly steps: readonly { api: string; version: number; request?: string; response?: string }[];
}

interface InternalVector {
  readonly id: string;
  readonly schema: string;
  readonly version: number;
  readonly prefix: string;
  readonly hex: string;
  readonly body: unknown;
}

const codecs = await loadCodecs();

function codecOf(name: string): MessageCodec {
  const codec = codecs.get(name);
  if (codec === undefined) throw new Error(`no message ${name}`);
  return codec;
}

/** Reads a frame of any message and writes it again. */
function exchange(name: string, version: number, hex: string) {
  const codec = codecOf(name);
  const isRequest = name.endsWith("Request");
  const Header: MessageCodec = isRequest ? RequestHeader : ResponseHeader;
  const headerVersion = (isRequest ? requestHeaderVersion : responseHeaderVersion)(codec, version);
  const reader = new ByteReader(fromHex(hex));
  const sizeBytes = reader.int32();
  const header = Header.read(reader, headerVersion);
  const body = codec.read(reader, version);
  const writer = new ByteWriter();
  writer.int32(sizeBytes);
  Header.write(writer, header, headerVersion);
  codec.write(writer, body, version);
  return { header, body, headerVersion, left: reader.left, again: toHex(writer.toBytes()) };
}

describe.each(["requests", "requests-java", "produce-requests", "responses"])("%s", (file) => {
  test.each(loadVectors<MessageVector[]>(file))("$id", (vector) => {
    const read = exchange(vector.message, vector.version, vector.hex);
    expect(read.headerVersion).toBe(vector.headerVersion);
    expect(asVector(read.header, vector.header)).toEqual(vector.header);
    expect(asVector(read.body, vector.body)).toEqual(vector.body);
    expect(read.left).toBe(0);
    expect(read.again).toBe(vector.hex);
  });
});

describe("SASL exchanges", () => {
  test.each(loadVectors<SaslVector[]>("sasl"))("$id", ({ steps }) => {
    const frames = steps.flatMap(({ api, version, request, response }) => [
      { name: `${api}Request`, version, hex: request },
      { name: `${api}Response`, version, hex: response },
    ]);
    for (const { name, version, hex } of frames) {
      expect(hex && exchange(name, version, hex).again).toBe(hex);
    }
  });
});

/** Keys begin with their record type and have one version, values begin with their version. */
test.each(loadVectors<InternalVector[]>("internal-records"))("$id $schema", (vector) => {
  const codec = codecOf(vector.schema);
  const reader = new ByteReader(fromHex(vector.hex));
  const prefix = reader.int16();
  expect(prefix).toBe(vector.prefix.startsWith("record type") ? codec.key : vector.version);
  const body = codec.read(reader, vector.version);
  expect(asVector(body, vector.body)).toEqual(vector.body);
  expect(reader.left).toBe(0);
  const writer = new ByteWriter();
  writer.int16(prefix);
  codec.write(writer, body, vector.version);
  expect(toHex(writer.toBytes())).toBe(vector.hex);
});
