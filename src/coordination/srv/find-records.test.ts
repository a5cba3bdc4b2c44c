import { afterEach, beforeEach, expect, test } from "vitest";
import { DnsServer } from "../../../test/support/dns-server.ts";
import { findRecords } from "./find-records.ts";

const name = "_etcd._tcp.example.test";
let server: DnsServer;

beforeEach(async () => {
  server = await DnsServer.open();
});
afterEach(() => server.close());

test("records come with their targets as addresses", async () => {
  server.setSrv(name, [
    { target: "one.example.test", port: 2379, priority: 10, weight: 3 },
    { target: "two.example.test", port: 2380, priority: 20 },
  ]);
  server.setHost("one.example.test", "127.0.0.1");
  server.setHost("two.example.test", "127.0.0.2");
  expect(await findRecords(name, [server.address])).toEqual([
    { name: "127.0.0.1", port: 2379, priority: 10, weight: 3 },
    { name: "127.0.0.2", port: 2380, priority: 20, weight: 0 },
  ]);
});

test("a target without an address is left out", async () => {
  server.setSrv(name, [
    { target: "gone.example.test", port: 1 },
    { target: "here.example.test", port: 2 },
  ]);
  server.setHost("here.example.test", "127.0.0.1");
  expect(await findRecords(name, [server.address])).toMatchObject([{ port: 2 }]);
});

test("a name without records is a wrong setting", async () => {
  await expect(findRecords(name, [server.address])).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: `DNS has no SRV records of ${name}`,
  });
});

test("a target of a dot says that nobody is there", async () => {
  server.setSrv(name, [{ target: ".", port: 0 }]);
  await expect(findRecords(name, [server.address])).rejects.toThrow("has no SRV records");
});

test("a name server that fails is not taken for a name without records", async () => {
  server.fail(true);
  await expect(findRecords(name, [server.address])).rejects.toMatchObject({
    code: "REQUEST_TIMED_OUT",
  });
});
