import { afterEach, beforeEach, expect, test } from "vitest";
import { tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import type { NewRecord } from "../../broker/records/append-records.ts";
import { readPage } from "../../broker/records/read-page.ts";
import { appendGroup } from "./append-group.ts";

let memory: MemoryBroker;
const shared = { topic: "t", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;

beforeEach(async () => {
  memory = await MemoryBroker.open();
});
afterEach(() => memory.close());

const record = (text: string, partition = 0): NewRecord => ({
  key: null,
  value: Buffer.from(text),
  headers: [],
  partition,
});

async function valuesOf(partition: number): Promise<string[]> {
  const ask = { topic: "t", partition, position: "earliest", limit: 100, maxBytes: 1e7, waitMs: 0 };
  const page = await readPage(memory.broker, tools, ask as never);
  return page.records.map(({ value }) => Buffer.from(value ?? "").toString());
}

test("requests that go together are one batch, and each is told its own part", async () => {
  await memory.createTopic("t");
  const requests = [[record("a"), record("b")], [record("c")]];
  const outcomes = await appendGroup({ broker: memory.broker, tools }, shared, requests);
  expect(outcomes.map(({ records }) => records.map(({ offset }) => offset))).toEqual([[0, 1], [2]]);
  expect(await valuesOf(0)).toEqual(["a", "b", "c"]);
});

test("what is refused together is tried alone, and nothing is stored twice", async () => {
  await memory.createTopic("t", {}, 2);
  const large = "x".repeat(700_000);
  const requests = [
    [record("a"), record("b", 1)],
    [record(large)],
    [record(large), record("c", 1)],
    [record("d")],
  ];
  const outcomes = await appendGroup({ broker: memory.broker, tools }, shared, requests);
  const offsets = outcomes.map(({ records }) => records.map(({ offset }) => offset));
  expect(offsets).toEqual([[0, 0], [1], [2, 1], [3]]);
  expect(await valuesOf(0)).toEqual(["a", large, large, "d"]);
  expect(await valuesOf(1)).toEqual(["b", "c"]);
});
