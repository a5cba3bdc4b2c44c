import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { TransactionalProducer } from "../../../test/support/transactional-producer.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { appendRecords } from "./append-records.ts";
import { patchLatest, type PatchLatest, type PatchOutcome } from "./patch-latest.ts";
import { readPage } from "./read-page.ts";
import type { StoredRecord } from "./stored-record.ts";

let memory: MemoryBroker;

beforeEach(async () => {
  memory = await MemoryBroker.open();
});

afterEach(() => memory.close());

async function append(value: string | null, key?: string): Promise<void> {
  const headers = [{ key: "content-type", value: encodeUtf8("application/json") }];
  const bytes = { key: key === undefined ? null : encodeUtf8(key), headers };
  const record = { ...bytes, value: value === null ? null : encodeUtf8(value) };
  const how = { topic: "docs", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  await appendRecords(memory.broker, tools, { ...how, records: [record] });
}

function patch(text: string, more: Partial<PatchLatest> = {}): Promise<PatchOutcome> {
  const plain = { topic: "docs", timeoutMs: 1_000, clientId: "test" };
  return patchLatest(memory.broker, tools, { ...plain, patch: encodeUtf8(text), ...more });
}

async function read(topic: string): Promise<readonly StoredRecord[]> {
  const wide = { partition: 0, limit: 1_000, maxBytes: 1_000_000, waitMs: 0 };
  const page = await readPage(memory.broker, tools, { topic, position: "earliest", ...wide });
  return page.records;
}

const texts = async (topic: string): Promise<string[]> =>
  (await read(topic)).map(({ value }) => (value === null ? "" : decodeUtf8(value)));

describe("a patch of the newest document", () => {
  test("is a new record with the same key and headers; its companion holds the patch", async () => {
    await memory.createTopic("docs");
    await append('{"total":1}', "a");
    await append('{"total":9}', "b");
    const bytes = '[ {"op":"add", "path":"/paid", "value":true} ]';
    const outcome = await patch(bytes, { key: encodeUtf8("a") });
    expect(outcome.document).toEqual({ total: 1, paid: true });
    expect(outcome.appended.records).toMatchObject([{ partition: 0, offset: 2 }]);
    const [newest] = (await read("docs")).slice(-1);
    expect(newest && decodeUtf8(newest.value ?? new Uint8Array())).toBe('{"total":1,"paid":true}');
    expect(newest && decodeUtf8(newest.key ?? new Uint8Array())).toBe("a");
    expect(newest?.headers.map(({ key }) => key)).toEqual(["content-type"]);
    expect(await texts("docs-patches")).toEqual([bytes]);
  });

  test("without a key it is the newest of the partition", async () => {
    await memory.createTopic("docs");
    await append('{"n":1}', "a");
    await append('{"n":2}', "b");
    await patch('[{"op":"replace","path":"/n","value":3}]');
    expect(await texts("docs")).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  });

  test("ten clients at once lose nothing", async () => {
    await memory.createTopic("docs");
    await append('{"items":[]}');
    const add = (item: number): string => `[{"op":"add","path":"/items/-","value":${item}}]`;
    await Promise.all(Array.from({ length: 10 }, (_, item) => patch(add(item))));
    const { items } = JSON.parse((await texts("docs")).at(-1) ?? "") as { items: number[] };
    expect(items.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await texts("docs-patches")).toHaveLength(10);
  });

  test("what another writer appends meanwhile is what is patched", async () => {
    await memory.createTopic("docs");
    await append('{"from":"first"}');
    const patching = patch('[{"op":"add","path":"/patched","value":true}]');
    const writing = append('{"from":"second"}');
    await Promise.all([patching, writing]);
    const written = await texts("docs");
    const at = written.indexOf('{"from":"second"}');
    const before = at === 1 ? "second" : "first";
    expect(written.filter((text) => text.includes("patched"))).toEqual([
      `{"from":"${before}","patched":true}`,
    ]);
  });
});

describe("a patch is refused", () => {
  const plain = '[{"op":"add","path":"/a","value":1}]';

  test("of an unknown topic, an empty one, and of a document that was deleted", async () => {
    await expect(patch(plain)).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    await memory.createTopic("docs");
    await expect(patch(plain)).rejects.toMatchObject({ code: "RESOURCE_NOT_FOUND" });
    await append("{}", "a");
    await append(null, "a");
    const key = encodeUtf8("a");
    await expect(patch(plain, { key })).rejects.toMatchObject({ code: "RESOURCE_NOT_FOUND" });
  });

  test("where it does not fit, is none, or there is no JSON: nothing is written", async () => {
    await memory.createTopic("docs");
    await append("{}");
    const missing = '[{"op":"remove","path":"/a"}]';
    await expect(patch(missing)).rejects.toMatchObject({ code: "PATCH_FAILED" });
    await expect(patch("{")).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await expect(patch("{}")).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await append("plain text");
    await expect(patch(plain)).rejects.toMatchObject({ code: "DOCUMENT_NOT_JSON" });
    expect(await texts("docs")).toEqual(["{}", "plain text"]);
    expect(memory.broker.topics.find("docs-patches")).toBeUndefined();
  });

  test("where there is no room for its companion: nothing is written", async () => {
    await memory.close();
    memory = await MemoryBroker.open({ "topics.max": 1 });
    await memory.createTopic("docs");
    await append("{}");
    await expect(patch(plain)).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
    expect(await texts("docs")).toEqual(["{}"]);
  });

  test("where several partitions leave open which document is meant", async () => {
    await memory.createTopic("docs", {}, 3);
    await append("{}", "a");
    await expect(patch(plain)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    const outcome = await patch(plain, { key: encodeUtf8("a") });
    expect(outcome.document).toEqual({ a: 1 });
  });

  test("while a transaction is open that may hold a newer document", async () => {
    const topic = await memory.createTopic("docs");
    await append("{}");
    new TransactionalProducer(1).send(topic.partitions[0] as PartitionLog, ["{}"]);
    await expect(patch(plain)).rejects.toMatchObject({ code: "DOCUMENT_CHANGED" });
  });
});
