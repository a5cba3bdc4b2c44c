import { expect, test } from "vitest";
import { append, readValues } from "../../../test/support/log-directory.ts";
import {
  openTopicsWorld,
  snapshotOnto,
  type TopicsWorld,
} from "../../../test/support/topics-world.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { copyDirectory } from "./copy-directory.ts";

const inOrders = ["0", "1", "2", "3", "4", "5", "6"];

async function openOrders(): Promise<TopicsWorld & { disk: SimulatedDisk }> {
  const disk = new SimulatedDisk();
  const world = await openTopicsWorld(disk);
  await world.create("orders", { "segment.records": "3" });
  for (const value of inOrders) await append(world.partition("orders"), [value]);
  return { ...world, disk };
}

type Fill = (world: TopicsWorld, target: SimulatedDisk) => Promise<unknown>;

/** What power cuts at each operation on the target leave: how often all, how often nothing. */
async function cutEverywhere(fill: Fill): Promise<{ whole: number; refused: number }> {
  const counts = { whole: 0, refused: 0 };
  for (let operation = 1; ; operation += 1) {
    const world = await openOrders();
    const target = new SimulatedDisk();
    let count = 0;
    const died = new Promise<boolean>((resolve) => {
      target.fault = () => {
        count += 1;
        if (count !== operation) return;
        target.die();
        resolve(true);
      };
      void fill(world, target).then(() => resolve(false));
    });
    if (!(await died)) return counts;
    const left = target.afterPowerCut(new SeededRandom(operation));
    if (await isWhole(left)) counts.whole += 1;
    else counts.refused += 1;
    const source = await openTopicsWorld(world.disk.afterPowerCut(new SeededRandom(operation)));
    expect(await readValues(source.partition("orders"))).toEqual(inOrders);
  }
}

/** A directory opens with all that was in the source, or not at all; or nothing was made yet. */
async function isWhole(disk: SimulatedDisk): Promise<boolean> {
  if ((await disk.list("")).every(({ name }) => name !== "meta.properties")) {
    expect((await disk.list("")).filter(({ isDirectory }) => isDirectory)).toEqual([]);
    return false;
  }
  const opening = openTopicsWorld(disk);
  const failure = await opening.then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (failure !== undefined) {
    expect(failure).toContain("unfinished copy");
    return false;
  }
  const world = await opening;
  expect(await readValues(world.partition("orders"))).toEqual(inOrders);
  expect(await append(world.partition("orders"), ["more"])).toBe(inOrders.length);
  return true;
}

test("a snapshot that a power cut ends at any operation is whole or does not open", async () => {
  const { whole, refused } = await cutEverywhere(snapshotOnto);
  expect(refused).toBeGreaterThan(20);
  expect(whole).toBeGreaterThan(5);
}, 60_000);

test("a restore that a power cut ends at any operation is whole or does not open", async () => {
  const { whole, refused } = await cutEverywhere((world, target) =>
    copyDirectory({ source: world.disk, target }),
  );
  expect(refused).toBeGreaterThan(20);
  expect(whole).toBeGreaterThanOrEqual(1);
}, 60_000);
