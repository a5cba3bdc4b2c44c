import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const asked = { partitions: 1, replicas: 1, configs: new Map<string, string>() };
const ids = [1, 2, 3];

/** At once, each from its node; answers each name with why it was refused. */
async function createAll(names: readonly string[]): Promise<(string | undefined)[]> {
  const making = names.map((name, at) => {
    const { topics } = world.node(1 + (at % 3)).broker;
    return topics.create({ ...asked, name }).then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
  });
  return await world.drive(Promise.all(making));
}

test("of names that differ only in . and _ one is made, whichever nodes make them", async () => {
  world = await ClusterWorld.open(3);
  for (let round = 0; round < 5; round += 1) {
    const names = [`a.b.${round}`, `a_b_${round}`, `a.b_${round}`];
    const refused = await createAll(names);
    const made = names.filter((_, at) => refused[at] === undefined);
    expect(made.length).toBe(1);
    expect(refused.filter((code) => code === "INVALID_TOPIC_EXCEPTION").length).toBe(2);
    const seen = (name: string): boolean => ids.every((id) => world.node(id).topic(name));
    await world.until("it is everywhere", () => seen(made[0] as string));
    for (const name of names) expect(seen(name)).toBe(made.includes(name));
  }
});

test("of one name that all nodes make at once one is made, the others are told", async () => {
  world = await ClusterWorld.open(3);
  const refused = await createAll(["a_b", "a_b", "a_b"]);
  expect(refused.filter((code) => code === undefined).length).toBe(1);
  expect(refused.filter((code) => code === "TOPIC_ALREADY_EXISTS").length).toBe(2);
});

test("a name whose rival was deleted can be made, on any node", async () => {
  world = await ClusterWorld.open(3);
  await world.create(1, "a.b");
  await world.drive(world.node(2).broker.topics.delete("a.b"));
  await world.until("it is gone", (node) => node.topic("a.b") === undefined);
  await world.create(3, "a_b");
  const names = (await world.coordinator.read("names/")).entries;
  expect(names.map(({ key, value }) => [key, value])).toEqual([["names/a_b", "a_b"]]);
});

test("names without . and _ collide with none, and cost no key", async () => {
  world = await ClusterWorld.open(3);
  await world.create(1, "orders");
  expect((await world.coordinator.read("names/")).entries).toEqual([]);
});
