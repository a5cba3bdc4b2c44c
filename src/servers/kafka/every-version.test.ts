import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KafkaDoor } from "../../../test/support/memory-broker.ts";
import { RawConnection } from "../../../test/support/raw-connection.ts";
import { sampleOf } from "../../../test/support/sample-message.ts";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { XylemError } from "../../base/errors.ts";
import { type ApiName, apiNames, apiTable } from "../../protocol/api-table.ts";
import type { MessageCodec } from "../../protocol/schema/message.ts";
import { errorAnswers } from "./error-answers.ts";

const parts = { text: "sample", bytes: new Uint8Array(0) };

const cases = apiNames.flatMap((name) => {
  const { min, max } = apiTable[name].served;
  return Array.from({ length: max - min + 1 }, (_, at) => ({ name, version: min + at }));
});

function sampleRequest(name: ApiName, version: number): unknown {
  return sampleOf(apiTable[name].request.shape, version, parts);
}

function throughBytes(codec: MessageCodec, value: unknown, version: number): unknown {
  const writer = new ByteWriter();
  codec.write(writer, value, version);
  return codec.read(new ByteReader(writer.toBytes()), version);
}

/** Every value of a field named `errorCode`, however deep. */
function errorCodesIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(errorCodesIn);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "errorCode" ? [inner as number] : errorCodesIn(inner),
  );
}

describe("a request that fails as a whole", () => {
  test.each(cases)("is told so by $name $version", ({ name, version }) => {
    const { request, response } = apiTable[name] as {
      request: MessageCodec;
      response: MessageCodec;
    };
    const body = throughBytes(request, sampleRequest(name, version), version);
    const makeAnswer = errorAnswers[name] as (...given: [unknown, XylemError, number]) => unknown;
    const answer = makeAnswer(body, new XylemError("POLICY_VIOLATION", "no"), version);
    expect(errorCodesIn(throughBytes(response, answer, version))).toContain(44);
  });
});

describe("the door answers", () => {
  let door: KafkaDoor;
  let connection: RawConnection;

  beforeAll(async () => {
    door = await KafkaDoor.open();
    connection = await RawConnection.open(door.port);
  });

  afterAll(async () => {
    connection.close();
    await door.close();
  });

  test.each(cases)("$name $version in its own version", async ({ name, version }) => {
    const body = sampleRequest(name, version) as Record<string, unknown>;
    // acks=0 would not be answered.
    if (name === "Produce") body["acks"] = -1;
    expect(await connection.request(name, version, body as never)).toBeTypeOf("object");
    expect(door.log.withLevel("error")).toEqual([]);
  });
});
