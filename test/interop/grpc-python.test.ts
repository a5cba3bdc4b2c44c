import { afterAll, beforeAll, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { run } from "../support/child-process.ts";
import { cacheFolder, repositoryRoot } from "../support/repository.ts";
import { pythonEnvironment } from "../support/python-environment.ts";
import { describeWith } from "../support/skips.ts";
import { startXylem } from "../support/xylem-process.ts";

const scripts = `${repositoryRoot}/test/interop/python`;
const recordCount = 500;

describeWith(["python"], "a Python client generated from the proto files", () => {
  let broker: BrokerProcess;
  let python: string;

  beforeAll(async () => {
    [python, broker] = await Promise.all([
      pythonEnvironment("grpc", `${scripts}/grpc-requirements.txt`),
      startXylem(),
    ]);
  }, 300_000);

  afterAll(() => broker.stop());

  test("pings, appends a stream, reads it page by page and live", async () => {
    const folders = [`${repositoryRoot}/proto`, cacheFolder("python-grpc-generated")];
    const args = [`${scripts}/grpc_round_trip.py`, broker.bootstrap, "python-grpc", ...folders];
    const { code, stdout, stderr } = await run(python, args, { timeoutMs: 240_000 });
    expect(code, stderr).toBe(0);
    const values = Array.from({ length: recordCount }, (_, index) => `v${index}`);
    expect(JSON.parse(stdout)).toEqual({
      pong: "pong",
      echoed: "hello",
      offsets: values.map((_, index) => index),
      values,
      live: values,
      failure: "NOT_FOUND",
    });
  });
});
