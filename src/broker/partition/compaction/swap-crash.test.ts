import fc from "fast-check";
import { expect, test } from "vitest";
import {
  append,
  type LogWorld,
  openWorld,
  readRecords,
} from "../../../../test/support/log-directory.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const settings = {
  "cleanup.policy": ["compact"],
  "internal.segment.bytes": 200,
  "min.cleanable.dirty.ratio": 0,
} as const;

/** Lets what waits for the clock go on, until it is stopped: a dead process waits for ever. */
function pumpClock({ clock }: LogWorld): { stop: () => void } {
  let isOver = false;
  const turn = async (): Promise<void> => {
    await clock.advance(0);
    if (!isOver) setImmediate(() => void turn());
  };
  void turn();
  return { stop: () => (isOver = true) };
}

/** Runs `work` on a disk that ends before its n-th operation; answers what the next start finds. */
async function diesAt(
  disk: SimulatedDisk,
  operation: number,
  seed: number | undefined,
  work: () => Promise<unknown>,
): Promise<SimulatedDisk> {
  const dead = Promise.withResolvers<SimulatedDisk>();
  let count = 0;
  disk.fault = () => {
    count += 1;
    if (count !== operation) return undefined;
    const isKill = seed === undefined;
    dead.resolve(isKill ? disk.afterKill() : disk.afterPowerCut(new SeededRandom(seed)));
    disk.die();
    return new Promise(() => {});
  };
  const done = work().then(() => disk.afterKill());
  return await Promise.race([dead.promise, done]);
}

async function newestOf(disk: SimulatedDisk): Promise<Record<string, string>> {
  const partition = await (await openWorld(disk)).open("orders", settings);
  const newest: Record<string, string> = {};
  for (const { key, value } of await readRecords(partition, 0)) {
    newest[Buffer.from(key ?? []).toString()] = Buffer.from(value ?? []).toString();
  }
  return newest;
}

test("a swap that a kill and then a power cut interrupt loses no key", async () => {
  const plan = fc.record({
    kill: fc.integer({ min: 57, max: 75 }),
    power: fc.integer({ min: 1, max: 30 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ kill, power, seed }) => {
      const disk = new SimulatedDisk();
      const world = await openWorld(disk);
      const partition = await world.open("orders", settings);
      const expected: Record<string, string> = {};
      for (let at = 0; at < 9; at += 1) {
        const key = at % 2 === 0 ? `only ${at}` : "many";
        await append(partition, [`v${at}`], { key });
        expected[key] = `v${at}`;
      }
      const pump = pumpClock(world);
      const killed = await diesAt(disk, kill, undefined, () => partition.compaction.run());
      pump.stop();
      const start = async (): Promise<unknown> =>
        (await openWorld(killed)).open("orders", settings);
      const cut = await diesAt(killed, power, seed, start);
      expect(await newestOf(cut)).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});
