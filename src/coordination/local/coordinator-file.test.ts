import { expect, test } from "vitest";
import { portableCrc32c } from "../../base/crc32c.ts";
import { silentLog } from "../../base/log.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { LocalCoordinator } from "./local-coordinator.ts";

const path = "xylem-coordinator.log";

const open = (disk: SimulatedDisk): Promise<LocalCoordinator> =>
  LocalCoordinator.open({ disk, crc32c: portableCrc32c, log: silentLog });

async function change(coordinator: LocalCoordinator, key: string, value: string): Promise<void> {
  await coordinator.transact([], [{ key, value }]);
}

function failSync(operation: string): undefined {
  if (operation === "sync") throw new Error("EIO");
}

test("lines that no flush covers stay whole below the next one when that fails too", async () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const disk = new SimulatedDisk();
    const first = await open(disk);
    await change(first, "a", "kept");
    disk.fault = failSync;
    await expect(change(first, "b", "x".repeat(5_000))).rejects.toThrow("EIO");
    // The process is killed. The system still shows what was not flushed.
    disk.fault = () => undefined;
    const second = await open(disk);
    disk.fault = failSync;
    await expect(change(second, "c", "y")).rejects.toThrow("EIO");
    disk.loseCache(path, new SeededRandom(seed));
    disk.fault = () => undefined;
    expect((await (await open(disk)).read("a")).entries).toMatchObject([{ value: "kept" }]);
  }
});
