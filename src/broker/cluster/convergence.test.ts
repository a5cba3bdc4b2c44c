import { expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../test/support/cluster-world.ts";
import { XylemError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { formatUuid } from "../../base/uuid.ts";
import { parseTopicEntry, topicsPrefix } from "../topics/topic-entry.ts";

const faults = { delayMsMax: 20, watchDelayMsMax: 200, lostOneIn: 15, unknownOneIn: 0 };
const names = ["a.b", "orders", "wide"];
const asked = { partitions: 2, replicas: 1, configs: new Map<string, string>() };

/** What somebody may ask of any node; a refusal is as good an answer as another. */
async function changeSomething(world: ClusterWorld, random: SeededRandom): Promise<string> {
  const draw = (count: number): number => random.nextUint32() % count;
  const { topics } = world.node(1 + draw(3)).broker;
  const name = names[draw(names.length)] ?? "";
  const count = name === "wide" ? 100 : 2;
  const value = String(1 + draw(1_000));
  const changes = [
    () => topics.create({ ...asked, name, partitions: count }),
    () => topics.autoCreate(name),
    () => topics.delete(name),
    () => topics.addPartitions(name, count + 1 + draw(5)),
    () => topics.configure(name, () => new Map([["retention.ms", value]])),
  ];
  try {
    await changes[draw(changes.length)]?.();
    return "done";
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

const topicsOf = ({ broker }: ClusterNode) =>
  broker.topics.list().map(({ name, id, partitions, configs }) => ({
    name,
    id: formatUuid(id),
    partitions: partitions.length,
    configs: Object.fromEntries(configs),
  }));

async function storedTopics(world: ClusterWorld) {
  const { entries } = await world.coordinator.read(topicsPrefix);
  return entries.map(({ key, value }) => {
    const name = key.slice(topicsPrefix.length);
    const { id, partitions, configs } = parseTopicEntry(name, value);
    return { name, id: formatUuid(id), partitions, configs: Object.fromEntries(configs) };
  });
}

test.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
  "whatever nodes do to topics at once, in the end all know the same: seed %i",
  async (seed) => {
    const random = new SeededRandom(seed);
    const world = new ClusterWorld(3, faults);
    await world.drive(Promise.all([1, 2, 3].map((id) => world.start(id))));
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 12; round += 1) {
      const some = Array.from({ length: 4 }, () => changeSomething(world, random));
      if (random.nextUint32() % 3 === 0) world.store.compact();
      for (const outcome of await world.drive(Promise.all(some))) {
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    expect(outcomes.get("done") ?? 0).toBeGreaterThan(10);
    // Chains of a topic whose deletion had no answer are swept up once a minute.
    for (let second = 0; second < 65; second += 1) await world.tick(1_000);
    const stored = await storedTopics(world);
    for (const id of [1, 2, 3]) {
      expect(topicsOf(world.node(id)), `node ${id}`).toEqual(stored);
      const keys = [...world.node(id).cluster.image.chains.keys()];
      const count = stored.reduce((sum, { partitions }) => sum + partitions, 0);
      expect(keys, `chains of node ${id}`).toHaveLength(count);
    }
    await world.drive(world.close());
  },
);
