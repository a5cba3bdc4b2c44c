import { writeFileSync } from "node:fs";
import type { Admin } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JavaTools, type JavaTool } from "../support/java-tools.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

interface Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
}

describeWith(["etcd", "java", "maven"], "three nodes, by Kafka's own tools", () => {
  let cluster: XylemCluster;
  let tools: JavaTools;
  let admin: Admin;
  const folder = makeTemporaryFolder("reassignment");

  const bootstrap = (): string[] => ["--bootstrap-server", cluster.node(1).bootstrap];
  const ask = (tool: JavaTool, ...args: string[]): Promise<string> =>
    tools.output(tool, [...bootstrap(), ...args]);

  beforeAll(async () => {
    const settings = { "cluster.lease.ms": "10000" };
    [cluster, tools] = await Promise.all([XylemCluster.start(3, settings), JavaTools.start()]);
    admin = cluster.kafka().admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await Promise.all([cluster.stop(), tools.close()]);
    removeFolder(folder);
  });

  /** Two partitions, both on nodes 1 and 2; with records. */
  async function create(topic: string): Promise<void> {
    const replicaAssignment = [0, 1].map((partition) => ({ partition, replicas: [1, 2] }));
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, replicaAssignment }] });
    await cluster.whenKnown(topic, 2);
    const producer = cluster.kafka().producer();
    await producer.connect();
    // A batch is never divided, whatever the throttle.
    for (let batch = 0; batch < 10; batch += 1) {
      const partition = batch % 2;
      const messages = Array.from({ length: 100 }, () => ({ value: "x".repeat(1_000), partition }));
      await producer.send({ topic, acks: -1, messages });
    }
    await producer.disconnect();
  }

  function planFile(partitions: readonly Assignment[]): string {
    const file = `${folder}/plan.json`;
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    return file;
  }

  async function replicasOf(topic: string): Promise<number[][]> {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions.toSorted((a, b) => a.partitionId - b.partitionId);
    return (partitions ?? []).map(({ replicas }) => replicas);
  }

  const verify = (file: string): Promise<string> =>
    ask("kafka-reassign-partitions", "--reassignment-json-file", file, "--verify");

  test("a reassignment is generated, executed under a throttle, and verified", async () => {
    await create("moved");
    const topics = `${folder}/topics.json`;
    writeFileSync(topics, JSON.stringify({ version: 1, topics: [{ topic: "moved" }] }));
    const generate = ["--topics-to-move-json-file", topics, "--broker-list", "2,3", "--generate"];
    const generated = await ask("kafka-reassign-partitions", ...generate);
    const [, proposal = ""] =
      /Proposed partition reassignment configuration\n(.*)/.exec(generated) ?? [];
    const { partitions } = JSON.parse(proposal) as { partitions: readonly Assignment[] };
    expect(partitions.map(({ replicas }) => new Set(replicas))).toEqual([
      new Set([2, 3]),
      new Set([2, 3]),
    ]);
    const file = planFile(partitions);
    const execute = ["--reassignment-json-file", file, "--execute", "--throttle", "20000000"];
    const executed = await ask("kafka-reassign-partitions", ...execute);
    expect(executed).toContain("Successfully started partition reassignments for moved-0,moved-1");
    await waitUntil("it is verified", async () => /is completed/.test(await verify(file)), 60_000);
    const verified = await verify(file);
    expect(verified).toContain("Reassignment of partition moved-0 is completed.");
    expect(verified).toContain("Clearing broker-level throttles");
    expect(await replicasOf("moved")).toEqual(partitions.map(({ replicas }) => replicas));
    const end = await ask("kafka-get-offsets", "--topic", "moved");
    expect(end.trim().split("\n").toSorted()).toEqual(["moved:0:500", "moved:1:500"]);
  });

  test("a move that is slow is told as going on, described, and cancelled", async () => {
    await create("slow");
    const partitions = [{ topic: "slow", partition: 0, replicas: [3, 2] }];
    const file = planFile(partitions);
    const execute = ["--reassignment-json-file", file, "--execute", "--throttle", "1000"];
    await ask("kafka-reassign-partitions", ...execute);
    const rate = "leader.replication.throttled.rate";
    const brokers = ["--entity-type", "brokers", "--entity-name", "1", "--describe"];
    expect(await ask("kafka-configs", ...brokers)).toContain(`${rate}=1000`);
    const ofTopic = ["--entity-type", "topics", "--entity-name", "slow", "--describe"];
    const described = await ask("kafka-configs", ...ofTopic);
    expect(described).toContain("leader.replication.throttled.replicas=0:1,0:2");
    expect(described).toContain("follower.replication.throttled.replicas=0:3");
    const shown = await ask("kafka-topics", "--describe", "--topic", "slow");
    expect(shown).toMatch(/Partition: 0.*Adding Replicas: 3\s.*Removing Replicas: 1/);
    const [told] = await cluster.partitions(3, "slow");
    expect(told).toMatchObject({ replicas: [3, 2, 1], adding: [3], removing: [1] });
    expect(await ask("kafka-reassign-partitions", "--list")).toContain("slow-0");
    expect(await verify(file)).toContain("Reassignment of partition slow-0 is still in progress.");
    const cancel = ["--reassignment-json-file", file, "--cancel"];
    const cancelled = await ask("kafka-reassign-partitions", ...cancel);
    expect(cancelled).toContain("Successfully cancelled partition reassignment for: slow-0");
    expect(await replicasOf("slow")).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await ask("kafka-configs", ...brokers)).not.toContain(rate);
  });

  test("kafkajs moves partitions and sees them move", async () => {
    await create("by-kafkajs");
    const partitionAssignment = [{ partition: 1, replicas: [3] }];
    const topics = [{ topic: "by-kafkajs", partitionAssignment }];
    await admin.alterPartitionReassignments({ topics });
    const wanted = { topics: [{ topic: "by-kafkajs", partitions: [0, 1] }] };
    await waitUntil("nothing moves any more", async () => {
      const moving = await admin.listPartitionReassignments(wanted);
      return moving.topics.length === 0;
    });
    expect(await replicasOf("by-kafkajs")).toEqual([[1, 2], [3]]);
    const unknown = [{ partition: 0, replicas: [1, 7] }];
    const wrong = [{ topic: "by-kafkajs", partitionAssignment: unknown }];
    await expect(admin.alterPartitionReassignments({ topics: wrong })).rejects.toThrow(
      /altering partition reassignments/,
    );
  });

  test("the preferred head leads again after kafka-leader-election", async () => {
    await create("led");
    const partitions = [0, 1].map((partition) => ({ topic: "led", partition, replicas: [2, 1] }));
    const file = planFile(partitions);
    await ask("kafka-reassign-partitions", "--reassignment-json-file", file, "--execute");
    await waitUntil("the order is another", async () => (await replicasOf("led"))[1]?.[0] === 2);
    const leaders = async (): Promise<number[]> =>
      (await cluster.partitions(1, "led")).map(({ leader }) => leader);
    expect(await leaders()).toEqual([1, 1]);
    const elect = ["--election-type", "preferred", "--topic", "led", "--partition", "0"];
    const elected = await ask("kafka-leader-election", ...elect);
    expect(elected).toContain("Successfully completed leader election (PREFERRED)");
    expect(await leaders()).toEqual([2, 1]);
    const again = await ask("kafka-leader-election", ...elect);
    expect(again).toContain("Valid replica already elected");
    const all = ["--election-type", "preferred", "--all-topic-partitions"];
    await ask("kafka-leader-election", ...all);
    expect(await leaders()).toEqual([2, 2]);
    const unclean = ["--election-type", "unclean", "--topic", "led", "--partition", "0"];
    expect(await ask("kafka-leader-election", ...unclean)).toContain("already elected");
  });

  test("replicas by hand count for new topics and new partitions", async () => {
    const topic = "by-hand";
    await ask("kafka-topics", "--create", "--topic", topic, "--replica-assignment", "3:1,2:3");
    await cluster.whenKnown(topic, 2);
    const grow = ["--partitions", "3", "--replica-assignment", "3:1,2:3,1:2"];
    await ask("kafka-topics", "--alter", "--topic", topic, ...grow);
    await cluster.whenKnown(topic, 3);
    expect(await replicasOf(topic)).toEqual([
      [3, 1],
      [2, 3],
      [1, 2],
    ]);
  });
});
