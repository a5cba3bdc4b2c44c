import { describe, expect, test } from "vitest";
import { clusterSettings } from "./cluster-settings.ts";
import { parseSetting } from "./parse-setting.ts";

describe("the place of a coordinator", () => {
  const parse = (text: string) => parseSetting("coordinator", clusterSettings.coordinator, text);

  test.each([
    "",
    "etcd://127.0.0.1:2379",
    "etcd://a:2379,b:2379,[::1]:2379",
    "consul://localhost:8500",
    "etcd+srv://_etcd._tcp.example.com",
    "consul+srv://consul.service.consul.",
  ])("may be %j", (text) => {
    expect(parse(text)).toBe(text);
  });

  test.each(["etcd://", "zookeeper://a:2181", "a:2379", "etcd://a:2379,", "etcd+srv://a,b"])(
    "is not %j",
    (text) => {
      expect(() => parse(text)).toThrow(/must be empty, etcd:/);
    },
  );
});

test("name servers are IP addresses", () => {
  const row = clusterSettings["coordinator.dns.servers"];
  const parse = (text: string) => parseSetting("coordinator.dns.servers", row, text);
  expect(parse("127.0.0.1,127.0.0.1:8600")).toEqual(["127.0.0.1", "127.0.0.1:8600"]);
  expect(parse("::1,[::1]:8600")).toEqual(["::1", "[::1]:8600"]);
  expect(() => parse("localhost:53")).toThrow(/IP addresses/);
});

describe("the secret of a cluster", () => {
  const row = clusterSettings["cluster.secret"];

  test("is a text of 16 characters, or names a file", () => {
    expect(parseSetting("cluster.secret", row, "0123456789abcdef")).toHaveLength(16);
    expect(parseSetting("cluster.secret", row, "file:/etc/secret")).toBe("file:/etc/secret");
  });

  test("is not told to who gets it wrong", () => {
    expect(() => parseSetting("cluster.secret", row, "hunter2")).toThrow(
      /^Invalid value for cluster.secret: must be (?!.*hunter2)/,
    );
  });
});
