import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultNodeSettings, nodeSettings } from "./node-settings.ts";
import { formatSetting, normalizeSetting, parseSetting } from "./parse-setting.ts";
import type { Setting } from "./setting.ts";
import { defaultTopicSettings, topicSettings } from "./topic-settings.ts";

const topicRows: Readonly<Record<string, Setting<unknown>>> = topicSettings;
const parse = (name: string, text: string): unknown => parseSetting(name, topicRows[name]!, text);

describe("a value's text", () => {
  test("may have blanks around it", () => {
    expect(parse("retention.ms", " 5 ")).toBe(5);
    expect(parse("compression.type", "\tzstd\n")).toBe("zstd");
  });

  test("of a boolean is true or false in any case, and nothing else", () => {
    expect(parse("preallocate", "TRUE")).toBe(true);
    expect(parse("preallocate", "False")).toBe(false);
    expect(() => parse("preallocate", "yes")).toThrow(/must be true or false/);
    expect(() => parse("preallocate", "")).toThrow(/must be true or false/);
  });

  test.each(["1.5", "1e3", "0x10", "", "ten", "1 0", "--1"])("of a number is no %j", (text) => {
    expect(() => parse("retention.ms", text)).toThrow(/must be a whole number/);
  });

  test("of an int or a long stays within its type", () => {
    expect(() => parse("max.message.bytes", "2147483648")).toThrow(/between/);
    expect(() => parse("retention.bytes", "9223372036854775808")).toThrow(/between/);
    expect(parse("flush.ms", "9223372036854775807")).toBe(2 ** 63);
    expect(parse("retention.bytes", "+7")).toBe(7);
  });

  test("of a list is split at commas, may be empty, and repeats nothing", () => {
    expect(parse("cleanup.policy", "compact, delete")).toEqual(["compact", "delete"]);
    expect(parse("cleanup.policy", "")).toEqual([]);
    expect(() => parse("cleanup.policy", "delete,delete")).toThrow(/repeated/);
    expect(() => parse("cleanup.policy", "delete,,compact")).toThrow(/empty/);
    expect(() => parse("cleanup.policy", "shred")).toThrow(/"shred" is none of/);
  });

  test("longer than 32767 characters is refused without being repeated", () => {
    const error = /^The value of content.type is too long$/;
    expect(() => parse("content.type", "x".repeat(32_768))).toThrow(error);
  });

  test.each([
    ["compression.gzip.level", "0"],
    ["compression.type", "Producer"],
    ["min.cleanable.dirty.ratio", "1.01"],
    ["segment.bytes", "1048575"],
    ["retention.ms", "-2"],
    ["message.timestamp.type", "createTime"],
    ["durability", "disk"],
    ["retention.records", "0"],
    ["leader.replication.throttled.replicas", "1-2"],
  ])("%s=%s is out of bounds", (name, text) => {
    expect(() => parse(name, text)).toThrow(`Invalid value "${text}" for ${name}: `);
  });
});

describe("advertised.listeners", () => {
  const listeners = (text: string): readonly string[] =>
    parseSetting("advertised.listeners", nodeSettings["advertised.listeners"], text);

  test.each(["PLAINTEXT://broker.example.org:9092", "broker:65535,[::1]:1", "PLAINTEXT://:9092"])(
    "may be %s",
    (text) => {
      expect(listeners(text)).toEqual(text.split(","));
    },
  );

  test.each(["broker", "broker:0", "broker:65536", "http://a/b:1"])("is not %s", (text) => {
    expect(() => listeners(text)).toThrow(/must be a list of NAME:\/\/host:port/);
  });
});

test("the digits of a long are kept beyond what a double holds", () => {
  const text = normalizeSetting("flush.ms", topicRows["flush.ms"]!, " +9223372036854775805 ");
  expect(text).toBe("9223372036854775805");
});

test("any whole number within a long is normalized to itself", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const row = topicRows["retention.bytes"]!;
      expect(normalizeSetting("retention.bytes", row, `${value}`)).toBe(`${value}`);
    }),
  );
});

test("every default of both tables passes its own check and reads back from its text", () => {
  const tables = [
    [topicSettings, defaultTopicSettings],
    [nodeSettings, defaultNodeSettings],
  ] as const;
  for (const [table, defaults] of tables) {
    for (const [name, row] of Object.entries(table) as [string, Setting<unknown>][]) {
      const text = formatSetting(row, row.initial);
      const value = (defaults as Record<string, unknown>)[name];
      expect(value).toBe(row.initial);
      expect(text === null ? null : parseSetting(name, row, text), name).toEqual(value);
    }
  }
});

test("Kafka has 34 topic settings; each default agrees with that of its node setting", () => {
  const nodeRows: Readonly<Record<string, Setting<unknown>>> = nodeSettings;
  const ours = /^(durability|record|content|replicas|segment\.rec|retention\.(rec|exact|ack)|tail)/;
  const names = Object.keys(topicRows);
  expect(names.filter((name) => !ours.test(name)).length).toBe(34);
  for (const [name, { brokerName, initial }] of Object.entries(topicRows)) {
    const node = brokerName === undefined ? { initial } : nodeRows[brokerName];
    expect(node?.initial === null ? initial : node?.initial, name).toEqual(initial);
  }
});
