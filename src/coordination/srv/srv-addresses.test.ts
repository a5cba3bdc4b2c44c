import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { KeptLog } from "../../../test/support/kept-log.ts";
import type { Address } from "./address-source.ts";
import type { SrvRecord } from "./order-records.ts";
import { SrvAddresses } from "./srv-addresses.ts";

let clock: VirtualClock;
let log: KeptLog;
/** What DNS answers, or fails with. */
let answer: readonly SrvRecord[] | XylemError;
let lookCount: number;
let addresses: SrvAddresses | undefined;

const at = (name: string, priority = 0): SrvRecord => ({ name, port: 1, priority, weight: 0 });
const passing = new XylemError("REQUEST_TIMED_OUT", "DNS is silent");

beforeEach(() => {
  clock = new VirtualClock({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  log = new KeptLog();
  answer = [at("one"), at("two", 1)];
  lookCount = 0;
});
afterEach(() => addresses?.close());

async function open(): Promise<{ addresses: SrvAddresses; told: (readonly Address[])[] }> {
  const find = async () => {
    lookCount += 1;
    if (answer instanceof XylemError) throw answer;
    return answer;
  };
  const random = new SeededRandom(1);
  const options = { name: "example.test", find, intervalMs: 30_000, clock, random, log };
  addresses = await SrvAddresses.open(options);
  const told: (readonly Address[])[] = [];
  addresses.onChanged((changed) => told.push(changed));
  return { addresses, told };
}

test("addresses come by priority, and a changed record is told at the next look", async () => {
  const { addresses, told } = await open();
  expect(addresses.current.map(({ host }) => host)).toEqual(["one", "two"]);
  answer = [at("three", 2), at("two", 1)];
  await clock.advance(29_999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([
    [
      { host: "two", port: 1 },
      { host: "three", port: 1 },
    ],
  ]);
  expect(addresses.current).toEqual(told[0]);
});

test("the same records in another order are no change", async () => {
  const { told } = await open();
  answer = [at("two", 1), at("one")];
  await clock.advance(90_000);
  expect([told, lookCount]).toEqual([[], 4]);
});

test("a member that failed has DNS looked at within a second, once for many failures", async () => {
  const { addresses, told } = await open();
  answer = [at("three")];
  for (let count = 0; count < 10; count += 1) addresses.suspect();
  await clock.advance(1_000);
  expect([told, lookCount]).toEqual([[[{ host: "three", port: 1 }]], 2]);
});

test("while DNS fails, or lost the name, what it said counts on; that is logged once", async () => {
  const { addresses, told } = await open();
  answer = passing;
  await clock.advance(32_000);
  answer = new XylemError("INVALID_CONFIG", "no records");
  await clock.advance(5_000);
  expect(addresses.current.map(({ host }) => host)).toEqual(["one", "two"]);
  expect(log.withLevel("warn")).toHaveLength(1);
  answer = [at("one")];
  await clock.advance(1_000);
  expect(told).toEqual([[{ host: "one", port: 1 }]]);
});

test("a first look that fails is repeated; one that finds no records is not", async () => {
  answer = passing;
  const opening = open();
  await clock.advance(3_000);
  answer = [at("one")];
  await clock.advance(1_000);
  expect((await opening).addresses.current).toEqual([{ host: "one", port: 1 }]);
  answer = new XylemError("INVALID_CONFIG", "no records");
  await expect(open()).rejects.toThrow("no records");
});

test("a first look fails for good after ten seconds", async () => {
  answer = passing;
  const opening = open().catch((error: unknown) => error);
  await clock.advance(10_000);
  expect(await opening).toBe(passing);
});

test("closed, it looks no more", async () => {
  const { addresses } = await open();
  addresses.close();
  addresses.suspect();
  await clock.advance(120_000);
  expect(lookCount).toBe(1);
});
