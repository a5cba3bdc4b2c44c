import { expect, test } from "vitest";
import { TestBroker, VirtualClock } from "../../src/harness/index.ts";

test("retention waits for virtual days, not for real ones", async () => {
  await using broker = await TestBroker.start({ time: "stands" });
  const { clock } = broker;
  const configs = { "retention.ms": 86_400_000, "segment.ms": 3_600_000 };
  const topic = await broker.topic("aged", { partitions: 1, configs });
  await topic.append({ value: "old" });
  await clock.advance("2h");
  await topic.append({ value: "young" });
  const texts = async (): Promise<string[]> => {
    const all: string[] = [];
    for await (const record of topic.read()) all.push(record.text());
    return all;
  };
  expect(await texts()).toEqual(["old", "young"]);
  await clock.advance("23h");
  expect(await texts()).toEqual(["young"]);
});

test("timestamps are the virtual clock's", async () => {
  const clock = new VirtualClock({ startMs: 1_000_000 });
  const { Xylem } = await import("../../src/index.ts");
  await using broker = await Xylem.start({ clock });
  const topic = await broker.topic("t");
  await clock.advance("1s");
  await topic.append({ value: "x" });
  for await (const record of topic.read()) expect(record.timestamp).toBe(1_001_000);
});
