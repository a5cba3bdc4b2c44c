import { expect, test } from "vitest";
import { append, openWorld } from "../../../../test/support/log-directory.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

test("a stop waits for flushes that wait their turn: a power cut then takes nothing", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: { "log.flush.parallel": 1 } });
  const topics = ["one", "two", "three", "four"];
  for (const topic of topics) {
    await append(await world.open(topic, { durability: "os" }), ["a"]);
  }
  const nextTurns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
  disk.fault = (operation) => (operation === "sync" ? nextTurns() : undefined);
  await world.directory.close();
  for (let seed = 1; seed <= 10; seed += 1) {
    const left = await openWorld(disk.afterPowerCut(new SeededRandom(seed)));
    for (const topic of topics) expect((await left.open(topic)).sizeBytes).toBeGreaterThan(0);
  }
});
