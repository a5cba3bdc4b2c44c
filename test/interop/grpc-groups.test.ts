import { type ServiceError, status } from "@grpc/grpc-js";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { GrpcClient, reasonOf } from "../support/grpc-client.ts";

interface Fetched {
  readonly member: string;
  readonly joined: boolean;
  readonly partitions: readonly { partition: number; records: readonly { value: Buffer }[] }[];
  readonly cursor: string;
}

let broker: Xylem;
let groups: GrpcClient;

beforeAll(async () => {
  broker = await Xylem.start();
  groups = new GrpcClient(broker.bootstrap, "xylem.v1.GroupService");
  const topic = await broker.topic("orders", { partitions: 2 });
  for (let index = 0; index < 10; index += 1) {
    await topic.append({ value: String(index), partition: index % 2 });
  }
});

afterAll(async () => {
  groups.close();
  await broker.close();
});

const fetch = async (request: object): Promise<Fetched> =>
  (await groups.call("fetch", { topics: ["orders"], ...request })) as unknown as Fetched;

const valuesOf = ({ partitions }: Fetched): string[] =>
  partitions.flatMap(({ records }) => records.map(({ value }) => value.toString())).toSorted();

test("what is not acknowledged comes again, what is does not", async () => {
  const all = "0123456789".split("");
  const first = await fetch({ group: "g", limit: 100, waitMs: 5_000 });
  expect([first.joined, valuesOf(first)]).toEqual([true, all]);
  const { member } = first;
  const again = await fetch({ group: "g", member, limit: 100 });
  expect([again.joined, valuesOf(again)]).toEqual([false, all]);
  const some = await fetch({ group: "g", member, limit: 4 });
  expect(valuesOf(some).length).toBe(4);
  await groups.call("ack", { group: "g", member, cursor: some.cursor });
  const rest = await fetch({ group: "g", member, limit: 100 });
  expect([...valuesOf(some), ...valuesOf(rest)].toSorted()).toEqual(all);
  await groups.call("leave", { group: "g", member });
});

test("offsets are read, moved and forgotten, and Kafka's clients see the same ones", async () => {
  const positions = [{ topic: "orders", position: { offset: 3 } }];
  const moved = await groups.call("setOffsets", { group: "g", positions });
  expect(moved).toMatchObject({
    offsets: [
      { partition: 0, offset: 3, end: 5, lag: 2 },
      { partition: 1, offset: 3, end: 5, lag: 2 },
    ],
  });
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const [seen] = await admin.fetchOffsets({ groupId: "g", topics: ["orders"] });
  expect(seen?.partitions.map(({ offset }) => offset)).toEqual(["3", "3"]);
  await admin.disconnect();
  expect(await groups.call("listGroups", {})).toMatchObject({
    groups: [{ name: "g" }],
    isPartial: false,
    missingNodes: [],
  });
  await groups.call("deleteOffsets", { group: "g", topic: "orders", partition: 1 });
  expect(await groups.call("getOffsets", { group: "g" })).toMatchObject({
    offsets: [{ partition: 0, offset: 3 }],
  });
  await groups.call("deleteGroup", { group: "g" });
});

test.each([
  ["getOffsets", { group: "none" }, status.NOT_FOUND, "GROUP_ID_NOT_FOUND"],
  ["fetch", { group: "g2", topics: ["none"] }, status.NOT_FOUND, "UNKNOWN_TOPIC_OR_PARTITION"],
  ["fetch", { group: "g2", topics: [] }, status.INVALID_ARGUMENT, "INVALID_REQUEST"],
  ["ack", { group: "g2", member: "m" }, status.INVALID_ARGUMENT, "INVALID_REQUEST"],
  ["ack", { group: "g2", member: "m", cursor: "1" }, status.ABORTED, "UNKNOWN_MEMBER_ID"],
])("%s %j is refused with its status", async (method, request, code, reason) => {
  const error = await groups.call(method, request).catch((thrown: unknown) => thrown);
  expect([(error as ServiceError).code, reasonOf(error as ServiceError)]).toEqual([code, reason]);
});
