import { expect, test } from "vitest";
import { nodeSettings } from "../base/settings/node-settings.ts";
import { parseSetting } from "../base/settings/parse-setting.ts";
import { planListeners } from "./listener-plan.ts";

function plan(text: string, coordinator = ""): { at: string; doors: string }[] {
  const name = "door.listeners";
  const listeners = parseSetting(name, nodeSettings[name], text);
  const settings = { host: "127.0.0.1", port: 9_092, [name]: listeners, coordinator };
  return planListeners(settings).map(({ host, port, doors }) => ({
    at: `${host} ${port}`,
    doors: [...doors].join(" "),
  }));
}

test("without listeners of their own all doors are at host and port", () => {
  expect(plan("")).toEqual([{ at: "127.0.0.1 9092", doors: "kafka http grpc" }]);
});

test("a door with a listener of its own is there alone, the others stay", () => {
  expect(plan("http=[::1]:8080,grpc=localhost:0")).toEqual([
    { at: "127.0.0.1 9092", doors: "kafka" },
    { at: "::1 8080", doors: "http" },
    { at: "localhost 0", doors: "grpc" },
  ]);
});

test("doors share an address, and one door has several", () => {
  expect(plan("http+grpc=127.0.0.1:8080,kafka=127.0.0.1:0,kafka=10.0.0.1:0")).toEqual([
    { at: "127.0.0.1 8080", doors: "http grpc" },
    { at: "127.0.0.1 0", doors: "kafka" },
    { at: "10.0.0.1 0", doors: "kafka" },
  ]);
});

test("a door that is off is nowhere", () => {
  expect(plan("http+grpc=off")).toEqual([{ at: "127.0.0.1 9092", doors: "kafka" }]);
});

test("in a cluster there is a door for the other nodes too, that can be elsewhere", () => {
  const all = "kafka http grpc peer";
  expect(plan("", "etcd://a:2379")).toEqual([{ at: "127.0.0.1 9092", doors: all }]);
  expect(plan("peer=10.0.0.1:9093", "etcd://a:2379")).toEqual([
    { at: "127.0.0.1 9092", doors: "kafka http grpc" },
    { at: "10.0.0.1 9093", doors: "peer" },
  ]);
});

test.each([
  ["peer=127.0.0.1:9093", "without a coordinator"],
  ["kafka+http+grpc=off", "every door off"],
  ["http=off,http=127.0.0.1:1", "http both off and at an address"],
  ["http=127.0.0.1:80,grpc=127.0.0.1:80", "127.0.0.1:80 twice"],
  ["grpc=127.0.0.1:9092", "127.0.0.1:9092 twice"],
])("%s is refused", (text, words) => expect(() => plan(text)).toThrow(words));

test.each([
  "9092",
  "ftp=127.0.0.1:21",
  "http=127.0.0.1",
  "http=127.0.0.1:70000",
  "http=127.0.0.1:",
])("%s is no value of the setting", (text) => expect(() => plan(text)).toThrow("door.listeners"));
