import { expect, test } from "vitest";
import { parseEndpoints } from "./parse-endpoints.ts";

test.each([
  ["etcd://one:2379", ["http://one:2379"]],
  ["etcd://one", ["http://one:2379"]],
  ["etcd://one:1, two:2,10.0.0.3:3", ["http://one:1", "http://two:2", "http://10.0.0.3:3"]],
  ["etcd://[::1]:4,[fe80::1]", ["http://[::1]:4", "http://[fe80::1]:2379"]],
  ["etcd://same:1,same:1", ["http://same:1"]],
])("%s names its endpoints", (text, urls) => {
  expect(parseEndpoints(text, "etcd", 2379)).toEqual(urls);
});

test.each([
  "",
  "one:2379",
  "http://one:2379",
  "etcd://",
  "etcd://one,",
  "etcd://one:0",
  "etcd://one:65536",
  "etcd://one/path",
  "etcd://::1:2379",
])("%s names no etcd, and is refused", (text) => {
  expect(() => parseEndpoints(text, "etcd", 2379)).toThrowError(
    expect.objectContaining({ code: "INVALID_CONFIG" }),
  );
});

test("a password in the address is refused and not repeated", () => {
  expect(() => parseEndpoints("etcd://me:secret@one", "etcd", 2379)).toThrow(/name and a password/);
  expect(() => parseEndpoints("etcd://me:secret@one", "etcd", 2379)).not.toThrow(/secret/);
});

test("consul has a port of its own", () => {
  expect(parseEndpoints("consul://one,two:1", "consul", 8500)).toEqual([
    "http://one:8500",
    "http://two:1",
  ]);
  expect(() => parseEndpoints("etcd://one", "consul", 8500)).toThrow(/names no consul/);
});
