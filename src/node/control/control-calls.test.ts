import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { KeptLog } from "../../../test/support/kept-log.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import type { HolderCall } from "../../storage/holder-calls.ts";
import { ControlCalls } from "./control-calls.ts";
import { optional, readInput, text, textList, textMap, wholeNumber } from "./input.ts";

let world: MemoryBroker | undefined;

afterEach(async () => {
  await world?.close();
  world = undefined;
});

function call(command: string, argument: unknown, signal = new AbortController().signal) {
  return { command, argument, signal, progress: () => undefined } satisfies HolderCall;
}

const code = (wanted: string) => expect.objectContaining({ code: wanted }) as Error;

async function open(): Promise<ControlCalls> {
  world = await MemoryBroker.open();
  const control = new ControlCalls(new KeptLog());
  control.open(world.broker);
  return control;
}

describe("commands of a node", () => {
  test("are there from when the node has started to when it stops", async () => {
    const early = new ControlCalls(new KeptLog());
    await expect(early.take(call("bucket.list", {}))).rejects.toThrow("the node is starting");
    const control = await open();
    expect(await control.take(call("bucket.list", {}))).toEqual([]);
    await control.close();
    await expect(control.take(call("bucket.list", {}))).rejects.toThrow("the node is stopping");
  });

  test("what is no command, or has another argument, is refused by name", async () => {
    const control = await open();
    for (const name of ["no.such", "toString", "__proto__", ""]) {
      await expect(control.take(call(name, {}))).rejects.toEqual(code("UNSUPPORTED_VERSION"));
    }
    for (const argument of [null, [], "a", { name: 1 }, {}, { name: "a", other: 1 }]) {
      const refused = control.take(call("bucket.create", argument));
      await expect(refused).rejects.toEqual(code("INVALID_REQUEST"));
    }
    expect(await control.take(call("bucket.list", {}))).toEqual([]);
  });

  test("a stop waits for the command under way", async () => {
    const control = await open();
    const topic = await world!.createTopic("orders");
    const evicting = control.take(call("topic.evict", { topic: topic.name }));
    await control.close();
    expect(await evicting).toMatchObject({ partitions: [] });
  });

  test("a caller that has gone ends a pass early", async () => {
    const control = await open();
    await world!.createTopic("orders");
    const gone = new AbortController();
    const aborted = once(gone.signal, "abort");
    gone.abort();
    await aborted.catch(() => undefined);
    const report = await control.take(call("topic.evict", {}, gone.signal));
    expect(report).toMatchObject({ partitions: [], freedBytes: 0 });
  });
});

test("an argument is read as the command declares it", () => {
  const shape = { name: text, count: optional(wholeNumber), own: textMap, more: textList };
  expect(readInput(shape, { name: "a" })).toEqual({
    name: "a",
    count: undefined,
    own: new Map(),
    more: [],
  });
  const given = { name: "a", count: 3, own: { k: "v" }, more: ["x"] };
  expect(readInput(shape, given)).toEqual({ ...given, own: new Map([["k", "v"]]) });
  for (const wrong of [
    { name: 1 },
    { name: "a", count: -1 },
    { name: "a", count: 1.5 },
    { name: "a", own: { k: 1 } },
    { name: "a", own: ["v"] },
    { name: "a", more: "x" },
    { name: "a", more: [1] },
  ]) {
    expect(() => readInput(shape, wrong)).toThrow(code("INVALID_REQUEST"));
  }
});
