import { expect, test } from "vitest";
import { append, batchOf, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

test("a folder that a killed process had just made keeps what the next one answers", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open();
  const killed = Promise.withResolvers<SimulatedDisk>();
  disk.fault = (operation) => {
    if (operation !== "sync") return undefined;
    killed.resolve(disk.afterKill());
    return new Promise(() => {});
  };
  partition.append(batchOf(["never answered"]), { origin: "client" });
  const left = await killed.promise;
  const again = await (await openWorld(left)).open();
  await append(again, ["answered"]);
  for (let seed = 1; seed <= 20; seed += 1) {
    const last = await openWorld(left.afterPowerCut(new SeededRandom(seed)));
    expect((await readValues(await last.open())).at(-1)).toBe("answered");
  }
});
