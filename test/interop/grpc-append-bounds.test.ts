import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { GrpcClient, type Message, reasonOf } from "../support/grpc-client.ts";

let broker: Xylem;
let log: GrpcClient;

beforeAll(async () => {
  const settings = { "append.max.records": 3, "append.max.headers": 2 };
  broker = await Xylem.start({ settings });
  log = new GrpcClient(broker.bootstrap, "xylem.v1.LogService");
});

afterAll(async () => {
  log.close();
  await broker.close();
});

const empty = (count: number): object[] => Array.from({ length: count }, () => ({}));
const cases = [
  ["records", empty(4), empty(3), "RECORD_LIST_TOO_LARGE"],
  ["headers", [{ headers: empty(3) }], [{ headers: empty(2) }], "INVALID_RECORD"],
] as const;

test.each(cases)("a request with too many %s is refused", async (_, tooMany, most, code) => {
  const failing = log.call("append", { topic: "t", records: tooMany });
  const error = await failing.then(undefined, (caught: ServiceError) => caught);
  expect(reasonOf(error as ServiceError)).toBe(code);
  await log.call("append", { topic: "t", records: most });
});

test.each(cases)("one with too many %s does not end its stream", async (_, tooMany, most, code) => {
  const stream = log.duplex("appendStream");
  const answers: Message[] = [];
  stream.on("data", (answer: Message) => answers.push(answer));
  for (const records of [tooMany, most]) stream.write({ append: { topic: "s", records } });
  stream.end();
  await new Promise((resolve, reject) => stream.on("error", reject).on("end", resolve));
  expect(answers).toMatchObject([{ error: { code } }, { appended: {} }]);
});
