import { expect, test } from "vitest";
import { openWorld } from "../../../../test/support/log-directory.ts";
import { appendHeld, logBytes, openGoverned } from "../../../../test/support/replicas.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { offsetEntryBytes } from "../../../log/offset-index.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const path = "orders-0/00000000000000000000";
const recordCount = 6;

const flipped = (bytes: Uint8Array, at: number, bit: number): Uint8Array =>
  bytes.with(at, (bytes[at] as number) ^ (1 << bit));

test.each([
  ["one segment", {}],
  ["several", { "internal.segment.bytes": 300 }],
])("damage in a log of %s is cut off, whatever rots in an index", async (_, layout) => {
  const settings = { ...layout, "index.interval.bytes": 1 };
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world, settings);
  for (let count = 0; count < recordCount; count += 1) await appendHeld(replica, ["a"]);
  const whole = await logBytes(replica);
  const batchBytes = whole.length / recordCount;
  await world.directory.close();
  const [index, log] = [disk.peek(`${path}.index`), disk.peek(`${path}.log`)];
  expect(index.length).toBeGreaterThan(offsetEntryBytes);
  for (let at = 0; at < index.length; at += 1) {
    for (let end = 1; end < log.length / batchBytes; end += 1) {
      const copy = disk.afterPowerCut(new SeededRandom(1));
      copy.poke(`${path}.index`, flipped(index, at, 3));
      copy.poke(`${path}.log`, flipped(log, (end + 1) * batchBytes - 1, 0));
      const again = await openGoverned(await openWorld(copy), settings);
      await again.replica.truncate(end);
      const left = whole.slice(0, batchBytes * end);
      expect([at, end, await logBytes(again.replica)]).toEqual([at, end, left]);
      expect(again.replica.unsoundFrom).toBeUndefined();
    }
  }
});
