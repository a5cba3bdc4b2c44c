import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  batchOf,
  committed,
  memoryDisk,
  openWorld,
  readValues,
  tools,
} from "../../../test/support/log-directory.ts";
import { XylemError } from "../../base/errors.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import type { Partition } from "./partition.ts";

/** Whether it was taken. */
function tryAppend(partition: Partition, value: string, expectedEnd: number): boolean {
  try {
    partition.append(batchOf([value]), { origin: "client", expectedEnd });
    return true;
  } catch (error) {
    if (error instanceof XylemError && error.code === "OFFSET_MISMATCH") return false;
    throw error;
  }
}

describe("append at an expected offset", () => {
  test("it is taken there and nowhere else; the refusal has both numbers", async () => {
    const partition = await (await openWorld(memoryDisk())).open();
    expect(tryAppend(partition, "first", 0)).toBe(true);
    const other = () => partition.append(batchOf(["x"]), { origin: "client", expectedEnd: 0 });
    expect(other).toThrow("the next offset of orders-0 is 1, expected was 0");
    expect(tryAppend(partition, "second", 1)).toBe(true);
    await committed(partition, 2);
    expect(await readValues(partition)).toEqual(["first", "second"]);
  });

  test("of writers that expect the same offset one wins, whatever comes between", async () => {
    /** Each number is a writer's step: it reads the end, or appends where it read it. */
    const schedules = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const partition = await (await openWorld(memoryDisk())).open();
        const expectations = new Map<number, number>();
        const won: string[] = [];
        const winners = new Map<number, number>();
        for (const [step, writer] of schedule.entries()) {
          const expected = expectations.get(writer);
          if (expected === undefined) {
            expectations.set(writer, partition.end);
            continue;
          }
          expectations.delete(writer);
          const value = `${writer} at step ${step}`;
          if (!tryAppend(partition, value, expected)) continue;
          won.push(value);
          winners.set(expected, (winners.get(expected) ?? 0) + 1);
        }
        await committed(partition, partition.end);
        expect(await readValues(partition)).toEqual(won);
        expect([...winners.values()].every((count) => count === 1)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("an idempotent producer's duplicate is answered with its first offset", async () => {
    const partition = await (await openWorld(memoryDisk())).open();
    const batch = (): Uint8Array =>
      buildBatch(
        [{ key: null, value: encodeUtf8("once"), timestampMs: 1_767_225_600_000 }],
        { producerId: 7, producerEpoch: 0, baseSequence: 0 },
        tools,
      );
    partition.append(batch(), { origin: "client", expectedEnd: 0 });
    const again = partition.append(batch(), { origin: "client", expectedEnd: 0 });
    expect(again).toMatchObject({ baseOffset: 0, isDuplicate: true });
    expect(partition.end).toBe(1);
  });
});
