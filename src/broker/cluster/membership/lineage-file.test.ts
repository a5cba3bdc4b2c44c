import { expect, test } from "vitest";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { MemoryDisk } from "../../../storage/memory-disk.ts";
import { replaceFile } from "../../partition/directory/replace-file.ts";
import { LineageFile, type LineageOptions, lostReplicasMax } from "./lineage-file.ts";

const disk = new MemoryDisk({ sizeBytesMax: 1_000_000, clock: new VirtualClock() });
const random = new SeededRandom(3);
const log = new KeptLog();
const start = (more: Partial<LineageOptions>) =>
  LineageFile.open({ disk, random, log, bootId: "boot 1", wasClean: false, ...more });

test("lineages last as long as nothing can have been lost", async () => {
  const { lineages: first } = await start({});
  // The process crashed: the page cache is still there.
  expect((await start({})).lineages).toEqual(first);
  // The machine was started anew, after a stop in order.
  expect((await start({ bootId: "boot 2", wasClean: true })).lineages).toEqual(first);
  // It was started anew after a crash: what was not flushed may be lost.
  const { lineages: rebooted } = await start({ bootId: "boot 3" });
  expect(rebooted.fsync).toBe(first.fsync);
  expect(rebooted.os).not.toBe(first.os);
  // Nobody can tell whether it was.
  const { lineages: untold } = await start({ bootId: undefined });
  expect(untold.fsync).toBe(first.fsync);
  expect(untold.os).not.toBe(rebooted.os);
});

test("a directory without the file, or with a torn one, begins new lineages", async () => {
  const { lineages: first } = await start({});
  await replaceFile(disk, { directory: "", name: "xylem.lineages" }, encodeUtf8('{"fsync":"a'));
  const { lineages: second } = await start({});
  expect([second.fsync, second.os]).not.toContain(first.fsync);
  expect(log.withLevel("warn")).toMatchObject([{ fields: { name: "xylem.lineages" } }]);
  await disk.remove("xylem.lineages");
  expect((await start({})).lineages.fsync).not.toBe(second.fsync);
});

test("a log that has lost what was flushed ends both", async () => {
  const file = await start({});
  const before = file.lineages;
  await file.renew();
  expect(file.lineages.fsync).not.toBe(before.fsync);
  expect(file.lineages.os).not.toBe(before.os);
  expect((await start({})).lineages).toEqual(file.lineages);
});

test("replicas that are filled again at once are each noted, and nothing is lost", async () => {
  const chains = ["a/0", "a/1", "a/2"];
  const file = await start({});
  const lost = { durability: "fsync", isUnflushed: false } as const;
  await file.lose(chains.map((chain) => ({ chain, ...lost })));
  await Promise.all(chains.map((chain) => file.regain(chain)));
  expect(file.lineages.lost).toBeUndefined();
  expect((await start({})).lineages).toEqual(file.lineages);
});

test("of too many lost replicas none is named, and what is flushed is vouched for", async () => {
  const file = await start({});
  const before = file.lineages;
  const lost = (durability: "fsync" | "os", count: number) =>
    Array.from({ length: count }, (_, at) => {
      return { chain: `${durability}/${at}`, durability, isUnflushed: false };
    });
  await file.lose([...lost("os", lostReplicasMax), ...lost("fsync", 1)]);
  expect(file.lineages.fsync).toBe(before.fsync);
  expect(file.lineages.os).not.toBe(before.os);
  expect(file.lineages.lost).toEqual(["fsync/0"]);
  await file.lose(lost("fsync", lostReplicasMax + 1));
  expect(file.lineages.fsync).not.toBe(before.fsync);
  expect(file.lineages.lost).toBeUndefined();
});
