import assert from "node:assert/strict";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type ReadRecord, Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const folder = makeTemporaryFolder("embedded-records");

afterAll(() => removeFolder(folder));

test.each([
  { place: "memory", tailBytes: 32_768, valueBytes: 700 },
  { place: "the disk", tailBytes: 0, valueBytes: 70_000 },
])("records that a program keeps stay as they came from $place", async (how) => {
  const { tailBytes, valueBytes } = how;
  const settings = { "log.tail.cache.max.bytes": tailBytes };
  await using xylem = await Xylem.start({ data: join(folder, String(tailBytes)), settings });
  const [orders, other] = await Promise.all(
    ["orders", "other"].map((name) => xylem.topic(name, { configs: { "tail.cache.records": 0 } })),
  );
  assert(orders !== undefined && other !== undefined);
  const value = (at: number): string => String(at % 10).repeat(valueBytes);
  const kept: ReadRecord[] = [];
  const stop = new AbortController();
  const keepAll = async (): Promise<void> => {
    for await (const one of orders.read({ live: true, signal: stop.signal })) kept.push(one);
  };
  const keeping = keepAll().catch(() => undefined);
  for (let at = 0; at < 40; at += 1) {
    await orders.append({ value: value(at) });
    await expect.poll(() => kept.length).toBe(at + 1);
    // What goes for these had held records that were read.
    for (let more = 0; more < 10; more += 1) await other.append({ value: "x".repeat(700) });
  }
  stop.abort();
  await keeping;
  const changed = kept.filter((one, at) => one.text() !== value(at));
  expect(changed.map(({ offset }) => offset)).toEqual([]);
});
