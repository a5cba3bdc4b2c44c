import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { featuresKey, formatFeatures } from "./feature-level.ts";
import { finalizeLevel } from "./finalize-level.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const old = { "cluster.feature.level.max": 1 };
const live = { validateOnly: false };
const levels = (...ids: number[]): number[] => ids.map((id) => world.node(id).cluster.image.level);

test("a cluster stays at the level that it began with until a person says so", async () => {
  world = new ClusterWorld(2);
  await world.start(1, old);
  await world.start(2);
  expect(levels(1, 2)).toEqual([1, 1]);
  const { cluster } = world.node(2);
  expect(cluster.mayUse(2)).toBe(false);
  for (const [asked, how] of [
    [2, live],
    [undefined, live],
    [undefined, { validateOnly: true }],
  ] as const) {
    await expect(cluster.finalize(asked, how)).rejects.toMatchObject({
      code: "FEATURE_UPDATE_FAILED",
      message: expect.stringMatching(/^nodes that can not work at level 2: 1 \(.+, up to 1\)$/),
    });
  }
  const former = world.node(1);
  await former.stop();
  await world.drive(world.start(1, {}, former.disk));
  const dry = await world.node(2).cluster.finalize(undefined, { validateOnly: true });
  expect([dry, levels(1, 2)]).toEqual([{ before: 1, level: 2 }, [1, 1]]);
  expect(await world.node(2).cluster.finalize(undefined, live)).toEqual({ before: 1, level: 2 });
  await world.until("all know", ({ cluster: { image } }) => image.level === 2, [1, 2]);
  await expect(world.node(1).cluster.finalize(1, live)).rejects.toThrow("does not go back");
});

test("of the coordinator it reads the nodes and the level, not every partition", async () => {
  world = new ClusterWorld(1);
  await world.start(1);
  const { coordinator } = world;
  const prefixes: string[] = [];
  const told = {
    read: (prefix: string) => {
      prefixes.push(prefix);
      return coordinator.read(prefix);
    },
    transact: coordinator.transact.bind(coordinator),
  };
  const changing = finalizeLevel(told, 2, { validateOnly: true });
  expect(await world.drive(changing)).toEqual({ before: 2, level: 2 });
  expect(new Set(prefixes)).toEqual(new Set(["features", "nodes/"]));
});

test("a node that is too old for the level does not start, and says why", async () => {
  world = await ClusterWorld.open(2);
  const former = world.node(2);
  await former.stop();
  const starting = world.drive(world.start(2, old, former.disk));
  await expect(starting).rejects.toThrow(
    /the cluster's feature level is 2, this node \(version .+\) can work at 1 to 1: start a newer/,
  );
  await world.tick(1_000);
  expect(world.node(1).cluster.image.node(2)).toBeUndefined();
});

test("one that is finalized while an old node comes has that node stop", async () => {
  world = new ClusterWorld(2);
  await world.start(1, old);
  const node = world.node(1);
  const write = { key: featuresKey, value: formatFeatures(2) };
  await world.coordinator.transact([], [write]);
  await world.until("it stops", () =>
    node.log.withLevel("error").some(({ message }) => message.includes("it stops")),
  );
});
