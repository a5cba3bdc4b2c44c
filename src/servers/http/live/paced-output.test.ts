import { beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../base/log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { LiveReaders, turnSizeBytes } from "./live-readers.ts";
import { PacedOutput } from "./paced-output.ts";

const settings = {
  "live.backlog.max.bytes": 100,
  "live.heartbeat.ms": 1_000,
  "live.slow.reader.ms": 5_000,
};

let clock: VirtualClock;
let readers: LiveReaders;
let closing: AbortController;

beforeEach(() => {
  settings["live.backlog.max.bytes"] = 100;
  clock = new VirtualClock();
  closing = new AbortController();
  readers = new LiveReaders({ clock, settings, log: silentLog }, closing.signal);
});

/** A reader that takes nothing, or everything. */
function outputTo(taking: boolean) {
  const cuts: number[] = [];
  const destroy = (): void => void cuts.push(clock.monotonicMs());
  return { output: new PacedOutput(readers, { write: () => taking, destroy }), cuts };
}

test("past the common bound nobody is given more, until somebody takes what he has", async () => {
  const [slow, quick] = [outputTo(false), outputTo(true)];
  const turn = quick.output.turn();
  expect(turn.ready()).toBeUndefined();
  turn.end();
  slow.output.write(new Uint8Array(150));
  expect(readers.backlogBytes).toBe(150);
  const waiting = turn.ready();
  expect(waiting).toBeDefined();
  slow.output.drained();
  await waiting;
  expect([readers.backlogBytes, turn.ready()]).toEqual([0, undefined]);
});

test("a backlog that frees gives turns to as many as there is room for", async () => {
  settings["live.backlog.max.bytes"] = 3 * turnSizeBytes;
  const slow = outputTo(false).output;
  slow.write(new Uint8Array(4 * turnSizeBytes));
  let most = 0;
  const readFor = async (): Promise<void> => {
    const { output } = outputTo(false);
    const turn = output.turn();
    for (let waiting = turn.ready(); waiting !== undefined; waiting = turn.ready()) await waiting;
    // It is read from the disk meanwhile.
    await clock.advance(1);
    output.write(new Uint8Array(turnSizeBytes));
    turn.end();
    most = Math.max(most, readers.backlogBytes);
    await clock.advance(1);
    output.drained();
  };
  const all = Promise.all(Array.from({ length: 100 }, readFor));
  slow.drained();
  await all;
  expect(readers.backlogBytes).toBe(0);
  expect(most).toBeLessThanOrEqual(3 * turnSizeBytes);
});

test("a reader is cut off when he has taken nothing for so long, and not before", async () => {
  const { output, cuts } = outputTo(false);
  readers.add({ check: (nowMs) => output.check(nowMs), close: () => undefined });
  output.write(new Uint8Array(1));
  await clock.advance(4_900);
  expect(cuts).toEqual([]);
  await clock.advance(200);
  expect(cuts).toHaveLength(1);
});

test("one timer looks after all readers, and ends with the last one", async () => {
  const before = clock.scheduledCount;
  const silences: number[] = [];
  const all = Array.from({ length: 100 }, () => {
    const { output } = outputTo(true);
    const reader = {
      check: (nowMs: number) => output.check(nowMs) && silences.push(nowMs),
      close: () => undefined,
    };
    readers.add(reader);
    return reader;
  });
  expect(clock.scheduledCount).toBe(before + 1);
  await clock.advance(1_250);
  expect(silences.length).toBeGreaterThanOrEqual(100);
  for (const reader of all) readers.remove(reader);
  await clock.advance(1_000);
  expect(clock.scheduledCount).toBe(before);
});

test("when the node stops all readers are ended, and who comes afterwards too", () => {
  let ended = 0;
  const reader = () => ({ check: () => undefined, close: () => void (ended += 1) });
  readers.add(reader());
  closing.abort();
  readers.add(reader());
  expect(ended).toBe(2);
});
