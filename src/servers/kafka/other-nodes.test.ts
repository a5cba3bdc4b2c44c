import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { RawConnection } from "../../../test/support/raw-connection.ts";
import { batchOf } from "../../../test/support/raw-client.ts";
import { kafkaCode } from "../../base/errors.ts";
import { KafkaServer } from "./kafka-server.ts";

let world: ClusterWorld;
let server: Server;
let kafka: KafkaServer;
let client: RawConnection;
let port = 0;

/** Two nodes that lead a partition of `orders` each; a client of the Kafka door of node 1. */
beforeEach(async () => {
  world = await ClusterWorld.open(2);
  const assignments = [1, 2].map((id, index) => ({ index, replicas: [id] }));
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  kafka = new KafkaServer(world.node(1).broker);
  server = createServer((socket) => kafka.accept(socket, new Uint8Array(0)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as { port: number }).port;
  client = await RawConnection.open(port);
});
afterEach(async () => {
  server.close();
  await kafka.close(100);
  await world.close();
});

const someBatch = () => batchOf([{ value: null, timestampMs: world.clock.nowMs() }]);
const own = () => ({ nodeId: 1, host: "127.0.0.1", port, rack: null });
const other = { nodeId: 2, host: "node2.test", port: 9_092, rack: null };
const topicId = () => world.node(1).topic("orders")?.id ?? new Uint8Array(16);
const refused = kafkaCode("NOT_LEADER_OR_FOLLOWER");
const leader = { leaderId: 2, leaderEpoch: 1 };

describe("a node of a cluster tells", () => {
  test("all nodes, and where each partition is", async () => {
    const answer = await client.request("Metadata", 12, {
      topics: [{ topicId: new Uint8Array(16), name: "orders" }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    });
    expect(answer).toMatchObject({ brokers: [own(), other], controllerId: 1 });
    expect(answer.topics[0]?.partitions).toMatchObject([
      { partitionIndex: 0, leaderId: 1, leaderEpoch: 1, replicaNodes: [1], isrNodes: [1] },
      { partitionIndex: 1, leaderId: 2, leaderEpoch: 1, replicaNodes: [2], isrNodes: [2] },
    ]);
    const cluster = { includeClusterAuthorizedOperations: false, endpointType: 1 };
    const described = await client.request("DescribeCluster", 2, {
      ...cluster,
      includeFencedBrokers: false,
    });
    expect(described.brokers.map(({ brokerId, port: at }) => [brokerId, at])).toEqual([
      [1, port],
      [2, 9_092],
    ]);
  });

  test("that a partition whose node is down has no leader, and who is offline", async () => {
    await world.node(2).stop();
    await world.until("it is seen", ({ cluster }) => cluster.image.nodes.length === 1, [1]);
    const { topics } = await client.request("DescribeTopicPartitions", 0, {
      topics: [{ name: "orders" }],
      responsePartitionLimit: 10,
      cursor: null,
    });
    expect(topics[0]?.partitions).toMatchObject([
      { errorCode: 0, leaderId: 1, offlineReplicas: [] },
      { errorCode: kafkaCode("LEADER_NOT_AVAILABLE"), leaderId: -1, offlineReplicas: [2] },
    ]);
  });
});

describe("a client that asks the wrong node for a partition is told where its leader is", () => {
  const produceTo = (index: number) =>
    client.request("Produce", 12, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: "orders", partitionData: [{ index, records: someBatch() }] }],
    });

  test("by Produce", async () => {
    const taken = await produceTo(0);
    expect(taken.responses[0]?.partitionResponses).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    const answer = await produceTo(1);
    expect(answer.responses[0]?.partitionResponses).toMatchObject([
      { index: 1, errorCode: refused, currentLeader: leader },
    ]);
    expect(answer.nodeEndpoints).toEqual([other]);
  });

  const fetchFrom = (partition: number, currentLeaderEpoch: number) =>
    client.request("Fetch", 16, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topicId: topicId(),
          partitions: [
            {
              partition,
              currentLeaderEpoch,
              fetchOffset: 0,
              lastFetchedEpoch: -1,
              logStartOffset: -1,
              partitionMaxBytes: 1_000_000,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: "",
    });

  test("by Fetch; of another epoch than this node's it learns that first", async () => {
    const answer = await fetchFrom(1, 1);
    expect(answer.responses[0]?.partitions).toMatchObject([
      { errorCode: refused, currentLeader: leader },
    ]);
    expect(answer.nodeEndpoints).toEqual([other]);
    const codes = [];
    for (const epoch of [0, 2]) {
      codes.push((await fetchFrom(1, epoch)).responses[0]?.partitions[0]?.errorCode);
    }
    expect(codes).toEqual(
      (["FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH"] as const).map(kafkaCode),
    );
  });

  test("by ListOffsets", async () => {
    const ask = (partitionIndex: number, currentLeaderEpoch: number) =>
      client.request("ListOffsets", 7, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [
          { name: "orders", partitions: [{ partitionIndex, currentLeaderEpoch, timestamp: -1 }] },
        ],
      });
    const codeOf = async (index: number, epoch: number) =>
      (await ask(index, epoch)).topics[0]?.partitions[0]?.errorCode;
    expect(await codeOf(0, 1)).toBe(0);
    expect(await codeOf(1, 1)).toBe(refused);
    expect(await codeOf(1, 7)).toBe(kafkaCode("UNKNOWN_LEADER_EPOCH"));
  });
});
