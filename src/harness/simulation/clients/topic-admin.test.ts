import { describe, expect, test } from "vitest";
import type { ApiName, ReceivedResponseOf, SentRequestOf } from "../../../protocol/api-table.ts";
import { loadBroker, Scene } from "../scene.ts";
import { type Client, NoAnswer, SimulatedClient } from "../simulated-client.ts";
import { World } from "../world.ts";
import { TopicAdmin } from "./topic-admin.ts";

/** Does what its first CreateTopics asks for and keeps the answer to itself. */
class LosingClient implements Client {
  readonly #client: SimulatedClient;
  readonly madeIds: Uint8Array[] = [];

  constructor(client: SimulatedClient) {
    this.#client = client;
  }

  async request<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    const answer = await this.#client.request(name, version, body);
    if (name !== "CreateTopics" || this.madeIds.length > 0) return answer;
    const { topics } = answer as ReceivedResponseOf<"CreateTopics">;
    this.madeIds.push(...topics.map(({ topicId }) => topicId));
    throw new NoAnswer("lost");
  }

  close(): void {
    this.#client.close();
  }
}

/** Plays with one broker that serves. */
async function withBroker(seed: number, play: (scene: Scene) => Promise<void>): Promise<void> {
  await loadBroker();
  const scene = new Scene({ seed });
  await scene.pump(async () => {
    await scene.machine.start();
    await play(scene);
    scene.machine.kill();
  });
}

const rules = { durability: "fsync", hasRetention: false, isCompacted: false } as const;

async function findTopic({ world }: Scene, name: string) {
  const client = world.client("looks");
  const asked = { topics: [{ name }], allowAutoTopicCreation: false };
  const found = (await world.ask(client, "Metadata", 12, asked)).topics[0]!;
  const what = { resourceType: 2, resourceName: name, configurationKeys: ["durability"] };
  const body = { resources: [what] };
  const { configs } = (await world.ask(client, "DescribeConfigs", 4, body)).results[0]!;
  client.close();
  const { topicId: id, partitions } = found;
  return { id, partitions: partitions.length, durability: configs[0]?.value };
}

describe("who makes topics", () => {
  test.each([
    ["more partitions", 4, "fsync"],
    ["other configs", 1, "os"],
    ["other configs", 2, "os"],
    ["other configs", 3, "os"],
  ])("takes none for the one that is wanted that has %s: %i, %s", async (_, count, durability) => {
    await withBroker(3, async (scene) => {
      const { world } = scene;
      const late = { name: "t1", numPartitions: count, replicationFactor: -1, assignments: [] };
      const topics = [{ ...late, configs: [{ name: "durability", value: durability }] }];
      const client = world.client("given up");
      await world.ask(client, "CreateTopics", 7, { topics });
      client.close();

      await new TopicAdmin(world).create(rules);
      const { id, partitions } = world.topics[0]!;
      expect(await findTopic(scene, "t1")).toEqual({ id, partitions, durability: "fsync" });
    });
  });

  test("takes what a request of its own has made that was not answered", async () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      await withBroker(seed, async ({ world: { clock, trace }, machine }) => {
        const clients: LosingClient[] = [];
        const connect: ConstructorParameters<typeof World>[0]["connect"] = (name, random) => {
          const network = { clock, random, process: () => machine.process };
          const client = new LosingClient(new SimulatedClient(name, network));
          clients.push(client);
          return client;
        };
        const world = new World({ seed, clock, trace, connect });
        await new TopicAdmin(world).create();
        expect(world.topics.map(({ id }) => id)).toEqual(clients[0]?.madeIds);
      });
    }
  });
});
