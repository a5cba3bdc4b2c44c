import { expect, test } from "vitest";
import { defaultNodeSettings } from "../base/settings/node-settings.ts";
import { advertisedAddresses } from "./advertised-addresses.ts";
import type { Door } from "./listener-plan.ts";

const advertise = (listeners: readonly string[]) => ({
  ...defaultNodeSettings,
  "advertised.listeners": listeners,
});
const all = () => ({ host: "10.0.0.1", port: 4_000 });
const onlyKafka = (door: Door) => (door === "kafka" ? all() : undefined);

test("other nodes are told the host and port that each door has", () => {
  const place = { host: "10.0.0.1", port: 4_000 };
  const found = advertisedAddresses(advertise([]), all, () => false);
  expect(found).toEqual({ kafka: place, http: place, grpc: place, peer: place });
});

test("the advertised host is that of all doors, its port that of Kafka", () => {
  const found = advertisedAddresses(advertise(["PLAINTEXT://[fd00::1]:9093"]), all, () => true);
  expect(found.kafka).toEqual({ host: "fd00::1", port: 9_093 });
  expect(found.peer).toEqual({ host: "fd00::1", port: 4_000 });
});

test("a door that is off has no address", () => {
  expect(Object.keys(advertisedAddresses(advertise([]), onlyKafka, () => false))).toEqual([
    "kafka",
  ]);
});

test("a node that listens everywhere has to say where it is", () => {
  expect(() => advertisedAddresses(advertise([]), all, () => true)).toThrow(/advertised.listeners/);
  expect(() => advertisedAddresses(advertise([":9092"]), all, () => true)).toThrow(/advertised/);
});
