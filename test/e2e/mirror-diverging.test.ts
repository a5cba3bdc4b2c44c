import { afterEach, beforeEach, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { Child } from "../support/child-process.ts";
import { type ForeignRecord, ForeignSource } from "../support/foreign-source.ts";
import { RawClient, textOf } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylemProgram } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

let source: ForeignSource;
let target: BrokerProcess;
let reader: RawClient;
let mirror: Child;

beforeEach(async () => {
  [source, target] = await Promise.all([ForeignSource.open(), startXylem()]);
  reader = await RawClient.open(target.port);
  const ends = ["--from", `127.0.0.1:${source.port}`, "--to", target.bootstrap];
  const args = ["mirror", ...ends, "--topics", "orders", "--refresh", "200ms"];
  mirror = new Child(process.execPath, [xylemProgram, ...args]);
});

afterEach(async () => {
  await mirror.end("SIGKILL");
  source.close();
  await target.stop();
});

function records(count: number, epoch: number): ForeignRecord[] {
  return Array.from({ length: count }, (_, at) => ({ value: `${epoch}/${at}`, epoch }));
}

async function valuesAtTarget(): Promise<string[]> {
  const found = await reader.readAll(["orders", 0], 0).catch(() => []);
  return found.map(({ value }) => textOf(value));
}

test.each([
  ["delete", /the target's log is not the source's/],
  ["compact", /the source has cut its log back to 6 since it was copied to 10/],
] as const)("a source that was cut back is not mixed in (%s)", async (policy, said) => {
  source.policy = policy;
  const [before, after] = [records(10, 5), [...records(6, 5), ...records(8, 6)]];
  source.log = before;
  const values = before.map(({ value }) => value);
  await waitUntil("all is copied", async () => (await valuesAtTarget()).length === 10);
  await waitUntil("the next is waited for", () => source.asked.at(-1)?.fetchOffset === 10);
  expect(source.asked.at(-1)).toMatchObject({ currentLeaderEpoch: 5, lastFetchedEpoch: 5 });
  source.log = after;
  await waitUntil("it says so", () => said.test(mirror.stderr));
  expect(await valuesAtTarget()).toEqual(values);
  // As the page says.
  await reader.deleteTopic("orders");
  const wanted = after.map(({ value }) => value);
  await waitUntil("it is copied again", async () => (await valuesAtTarget()).length === 14);
  expect(await valuesAtTarget()).toEqual(wanted);
});
