import { expect, test } from "vitest";
import { batchOf } from "../../test/support/log-directory.ts";
import { KeptLog } from "../../test/support/kept-log.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import { defaultNodeSettings } from "../base/settings/node-settings.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { readClusterNote } from "../broker/cluster/membership/cluster-note.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk, DiskFile } from "../broker/ports/disk.ts";
import { ProducedBatch, produce } from "../broker/produce.ts";
import { SimulatedCoordinator } from "../simulation/simulated-coordinator.ts";
import { SimulatedStore } from "../simulation/simulated-store.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { moveIn, undoMove } from "./move-in-node.ts";
import { openBroker } from "./open-broker.ts";
import { StartSteps } from "./start-steps.ts";

const settings = { ...defaultNodeSettings, "node.id": 3, coordinator: "etcd://nowhere:1" };
const settle = () => new Promise<void>((done) => void setImmediate(done));
const progress = (): void => undefined;
const killed = "killed";

/** A process that is killed: so many writes, to its disk or the coordinator, and no other. */
class Life {
  #left: number;

  constructor(writes: number) {
    this.#left = writes;
  }

  /** Lets calls of these names through as long as it lives; before or after they took effect. */
  of<T extends object>(target: T, names: readonly string[], isAfter: boolean): T {
    return new Proxy(target, {
      get: (from, name) => {
        const found = Reflect.get(from, name) as unknown;
        if (typeof found !== "function") return found;
        const call = found.bind(from) as (...given: unknown[]) => unknown;
        if (!names.includes(String(name))) return call;
        return async (...given: unknown[]) => {
          this.#left -= 1;
          if (this.#left < 0 && !(isAfter && this.#left === -1)) throw new Error(killed);
          const answer = await call(...given);
          if (this.#left < 0) throw new Error(killed);
          return answer;
        };
      },
    });
  }

  /** The same of a disk, whose files are written as well. */
  disk(target: MemoryDisk, isAfter: boolean): Disk {
    const names = ["rename", "remove", "makeDirectory", "removeDirectory", "syncDirectory"];
    const disk = this.of<Disk>(target, names, isAfter);
    const open = async (...given: Parameters<Disk["open"]>): Promise<DiskFile> =>
      this.of(await target.open(...given), ["append", "truncate", "sync"], isAfter);
    return new Proxy(disk, {
      get: (from, name) => (name === "open" ? open : (Reflect.get(from, name) as unknown)),
    });
  }
}

class World {
  readonly clock = new VirtualClock({ settle });
  readonly disk = new MemoryDisk({ sizeBytesMax: 64 * 1024 ** 2, clock: this.clock });
  readonly store = new SimulatedStore(this.clock);

  connect(): SimulatedCoordinator {
    const { store, clock } = this;
    return new SimulatedCoordinator({ store, clock, random: new SeededRandom(1) });
  }

  /** A node by itself with two topics and a record, stopped in order. */
  static async open(): Promise<World> {
    const world = new World();
    await world.run({ ...settings, coordinator: "" }, undefined, async ({ topics }) => {
      for (const name of ["a.b", "orders"]) {
        await topics.create({ name, partitions: 2, replicas: 1, configs: new Map() });
      }
    });
    return world;
  }

  async run(
    own: typeof settings,
    coordinator: Coordinator | undefined,
    work: (broker: Awaited<ReturnType<typeof openBroker>>["broker"]) => Promise<void>,
  ): Promise<void> {
    const { clock, disk } = this;
    const log = new KeptLog();
    const steps = new StartSteps(log);
    const random = new SeededRandom(4);
    const parts = { settings: own, given: new Map(), clock, random, log, disk, coordinator };
    const transport = { dial: () => Promise.reject(new Error("nobody")), close: () => undefined };
    const network = { transport: transport as never, key: new Uint8Array(32) };
    const { broker, announce } = await openBroker(steps, { ...parts, network });
    await announce({});
    try {
      await work(broker);
    } finally {
      await steps.stop();
    }
  }

  /** Whether it came to its end; a refusal is none. */
  async move(kind: "move" | "undo", life: Life, isAfter: boolean): Promise<boolean> {
    const target = this.connect();
    const coordinator = life.of<Coordinator>(target, ["transact"], isAfter);
    const how = { settings, log: new KeptLog(), progress, coordinator };
    try {
      const disk = life.disk(this.disk, isAfter);
      await (kind === "move" ? moveIn({ ...how, disk }) : undoMove({ ...how, disk }));
      return true;
    } catch (error) {
      if ((error as Error).message === killed) return false;
      throw error;
    } finally {
      await target.close();
    }
  }

  async keys(): Promise<string[]> {
    const target = this.connect();
    const { entries } = await target.read("");
    await target.close();
    return entries.map(({ key }) => key);
  }

  async judge(): Promise<void> {
    expect(await readClusterNote(this.disk)).toMatchObject({ isMovingIn: false });
    const keys = await this.keys();
    expect(keys).toEqual(
      expect.arrayContaining(["cluster-id", "features", "names/a_b", "ring/3", "topics/a.b"]),
    );
    expect(keys.filter((key) => key.startsWith("chains/"))).toHaveLength(4);
    expect(keys).not.toContain("moving-in");
    const target = this.connect();
    await this.run(settings, target, async (broker) => {
      for (let step = 0; step < 200; step += 1) await this.clock.advance(50);
      const batch = new ProducedBatch(broker.topics.find("orders"), 0, batchOf(["x"]));
      const request = { acks: 1, timeoutMs: 1_000, clientId: "", transactionalId: null };
      await produce(broker, { ...request, batches: [batch] });
      expect(batch.error).toBeUndefined();
    });
    await target.close();
  }
}

const forever = new Life(Infinity);

/** "done", or why not. */
function outcomeOf(work: Promise<boolean>): Promise<string> {
  return work.then(
    () => "done",
    (error: Error) => error.message,
  );
}

/** Answers whether it was killed. */
async function moveAgain(world: World, writes: number, isAfter: boolean): Promise<boolean> {
  const wasKilled = !(await world.move("move", new Life(writes), isAfter));
  const noted = await readClusterNote(world.disk);
  // Its very last write was made: who runs it again is told that it was the last.
  const wanted = noted?.isMovingIn === false ? "already: start it with" : "done";
  expect(await outcomeOf(world.move("move", forever, isAfter))).toContain(wanted);
  await world.judge();
  return wasKilled;
}

/** Answers whether it was whole and could not be taken back. */
async function takeBack(world: World, isAfter: boolean): Promise<boolean> {
  const noted = await readClusterNote(world.disk);
  const isPending = noted?.isMovingIn === true;
  const isWhole = isPending && (await world.keys()).includes("cluster-id");
  const refusal = isWhole ? "run `xylem cluster init --from-local` again" : "was cut short";
  const wanted = isPending && !isWhole ? "done" : refusal;
  expect(await outcomeOf(world.move("undo", forever, isAfter))).toContain(wanted);
  expect((await world.keys()).length > 0).toBe(isWhole || noted?.isMovingIn === false);
  if (!isWhole) return false;
  await world.move("move", forever, isAfter);
  await world.judge();
  return true;
}

/** A move that was killed when some of it was written. */
async function cutShort(): Promise<World> {
  for (let writes = 1; ; writes += 1) {
    const world = await World.open();
    await world.move("move", new Life(writes), false);
    if ((await world.keys()).length > 1) return world;
  }
}

test.each([true, false])(
  "a move killed at any write, which was made: %s, is whole when it is run again",
  async (isAfter) => {
    let writes = 0;
    while (await moveAgain(await World.open(), writes, isAfter)) writes += 1;
    expect(writes).toBeGreaterThan(8);
  },
  60_000,
);

test.each([true, false])(
  "a move killed at any write, which was made: %s, is taken back, or says that it is whole",
  async (isAfter) => {
    let wholeCount = 0;
    for (let writes = 0; ; writes += 1) {
      const world = await World.open();
      if (await world.move("move", new Life(writes), isAfter)) break;
      if (await takeBack(world, isAfter)) wholeCount += 1;
    }
    expect(wholeCount).toBeGreaterThan(0);
  },
  60_000,
);

test("an undo that is killed at any write is done when it is run again", async () => {
  for (let writes = 0, isWhole = false; !isWhole; writes += 1) {
    const world = await cutShort();
    isWhole = await world.move("undo", new Life(writes), false);
    if ((await readClusterNote(world.disk)) !== undefined) {
      await world.move("undo", forever, false);
    }
    expect(await world.keys()).toEqual([]);
    expect(await readClusterNote(world.disk)).toBeUndefined();
  }
}, 60_000);

test("a coordinator that does not answer leaves the node by itself", async () => {
  const world = await World.open();
  const { disk } = world;
  const coordinator = new Life(0).of<Coordinator>(world.connect(), ["read"], false);
  const moving = moveIn({ settings, log: new KeptLog(), progress, coordinator, disk });
  await expect(moving).rejects.toThrow(killed);
  expect(await readClusterNote(disk)).toBeUndefined();
});
