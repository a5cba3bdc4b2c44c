import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { type ApiName, apiTable } from "./api-table.ts";
import { RequestHeader, ResponseHeader } from "./messages/headers.ts";
import { RequestFrames } from "./request-frames.ts";

const sizeBytesMax = 1_000;

/** As a broker reads it: whose it is and which number it has. */
function headerOf(frame: Uint8Array) {
  const reader = new ByteReader(frame);
  expect(reader.int32()).toBe(frame.length - 4);
  return RequestHeader.read(reader, 1);
}

function answer(name: ApiName, correlationId: number, body: object): Uint8Array {
  const writer = new ByteWriter();
  const size = writer.reserveInt32();
  ResponseHeader.write(writer, { correlationId }, 0);
  apiTable[name].response.write(writer, body as never, 0);
  writer.patchInt32(size, writer.sizeBytes - 4);
  return writer.toBytes().slice();
}

const versions = { errorCode: 35, apiKeys: [] };

test("answers find who waits for them, in any order and in pieces", () => {
  const frames = new RequestFrames<string>("a client", sizeBytesMax);
  const ask = { name: "ApiVersions", version: 0, body: {} } as const;
  const asked = ["one", "two", "three"].map((who) => frames.write(ask, who).toBytes().slice());
  const headers = asked.map(headerOf);
  expect(headers.map(({ correlationId }) => correlationId)).toEqual([0, 1, 2]);
  expect(headers[0]).toMatchObject({ clientId: "a client", requestApiKey: 18 });
  const late = answer("ApiVersions", 2, versions);
  expect([...frames.push(late.subarray(0, 5))]).toEqual([]);
  const [third] = frames.push(late.subarray(5));
  expect(third).toMatchObject({ waiter: "three", body: { errorCode: 35 } });
  expect([...frames.push(answer("ApiVersions", 0, versions))][0]?.waiter).toBe("one");
  expect(frames.takeAll()).toEqual(["two"]);
  expect(frames.takeAll()).toEqual([]);
});

test("what nobody waits for is passed over", () => {
  const frames = new RequestFrames<string>("a client", sizeBytesMax);
  frames.write({ name: "ApiVersions", version: 0, body: {} }, undefined);
  expect([...frames.push(answer("ApiVersions", 0, versions))]).toEqual([]);
  expect([...frames.push(answer("ApiVersions", 9, versions))]).toEqual([]);
});
