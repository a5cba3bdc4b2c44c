import { describe, expect, test } from "vitest";
import { shareMemory } from "./share-memory.ts";
import { type MergedSettings, mergeSettings } from "./merge-settings.ts";
import { defaultNodeSettings, nodeSettings, type NodeSettings } from "./node-settings.ts";
import { parseSetting } from "./parse-setting.ts";
import type { Setting } from "./setting.ts";
import { parseByteCount } from "./rows.ts";

const rows: Readonly<Record<string, Setting<unknown>>> = nodeSettings;
const mebibyte = 1024 ** 2;
const shared = [
  "log.tail.cache.max.bytes",
  "log.index.cache.max.bytes",
  "log.read.buffers.max.bytes",
  "log.append.pending.total.max.bytes",
  "fetch.memory.max.bytes",
  "grpc.memory.max.bytes",
  "http.answers.memory.max.bytes",
  "http.requests.memory.max.bytes",
  "live.backlog.max.bytes",
  "live.shared.max.bytes",
  "log.cleaner.dedupe.buffer.size",
  "queued.max.request.bytes",
] as const;

function merge(texts: Record<string, string>): MergedSettings {
  return mergeSettings([{ origin: "a test", texts: new Map(Object.entries(texts)) }]);
}

const sum = (settings: NodeSettings): number =>
  shared.reduce((total, name) => total + settings[name], settings["idempotency.keys.max"] * 256);

describe("memory.budget", () => {
  test("is a number of bytes, with a unit or without", () => {
    const texts = ["256MiB", "2 GiB", "512KiB", "77", "", "2GB", "1.5GiB", "-1", "MiB"];
    expect(texts.map(parseByteCount)).toEqual([
      256 * mebibyte,
      2048 * mebibyte,
      mebibyte / 2,
      77,
      ...Array.from({ length: 5 }, () => undefined),
    ]);
    expect(() => merge({ "memory.budget": "31MiB" })).toThrow("at least 32MiB");
    expect(() => merge({ "memory.budget": "lots" })).toThrow("at least 32MiB");
  });

  test("unset leaves every bound at its default", () => {
    expect(merge({}).settings).toEqual(defaultNodeSettings);
    expect(merge({}).given.size).toBe(0);
  });

  test.each(["32MiB", "256MiB", "8GiB"])("of %s is what the shared bounds add up to", (budget) => {
    const { settings } = merge({ "memory.budget": budget });
    expect(sum(settings)).toBe(parseByteCount(budget));
  });

  test("has a share for every bound of memory that grows with the load", () => {
    const bound = /(memory|cache|buffers|backlog|shared|pending\.total)\.max\.bytes$/;
    const names = Object.keys(nodeSettings).filter((name) => bound.test(name));
    const shares = [...shareMemory(64 * mebibyte, false).keys()];
    expect(names.length).toBeGreaterThan(8);
    expect(shares).toEqual(expect.arrayContaining(names));
  });

  test.each(["32MiB", "64MiB", "8GiB"])("of %s gives nothing that could not be given", (budget) => {
    for (const memory of [false, true]) {
      for (const [name, value] of shareMemory(parseByteCount(budget) ?? 0, memory)) {
        expect(parseSetting(name, rows[name] as Setting<unknown>, String(value))).toBe(value);
      }
    }
  });

  test("keeps what one connection or partition may take below what all may", () => {
    const { settings } = merge({ "memory.budget": "64MiB" });
    const { "socket.request.max.bytes": request, "fetch.max.bytes": fetch } = settings;
    expect(request).toBe(settings["queued.max.request.bytes"]);
    expect(fetch).toBe(settings["fetch.memory.max.bytes"]);
    const large = merge({ "memory.budget": "8GiB" }).settings;
    expect(large["socket.request.max.bytes"]).toBe(defaultNodeSettings["socket.request.max.bytes"]);
  });

  test("gives way to what is given itself, and tells what follows from it", () => {
    const texts = { "memory.budget": "64MiB", "log.tail.cache.max.bytes": "0" };
    const { settings, given } = merge(texts);
    expect(settings["log.tail.cache.max.bytes"]).toBe(0);
    expect(settings["log.index.cache.max.bytes"]).toBe(4 * mebibyte);
    expect(given.get("log.index.cache.max.bytes")).toBe(String(4 * mebibyte));
  });

  test("of a node in memory is the store's by half", () => {
    const { settings } = merge({ "memory.budget": "64MiB", memory: "true" });
    expect(settings["memory.store.max.bytes"]).toBe(32 * mebibyte);
    expect(sum(settings)).toBe(32 * mebibyte);
    expect(shareMemory(64 * mebibyte, false).has("memory.store.max.bytes")).toBe(false);
  });
});
