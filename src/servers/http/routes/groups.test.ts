import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  const quick = { "group.consumer.assignment.interval.ms": 0 };
  door = await HttpDoor.open({ ...quick, "http.wait.max.ms": 10_000 });
});
afterAll(() => door.close());

interface Fetched {
  readonly member: string;
  readonly epoch: number;
  readonly joined: boolean;
  readonly assignment: readonly { topic: string; partitions: number[] }[];
  readonly records: readonly { partition: number; offset: number; value: unknown }[];
  readonly cursor: string;
}

const make = (topic: string, partitions = 1) =>
  door.ask("PUT", `/v1/topics/${topic}`, { body: { partitions } });
const append = (topic: string, body: string, partition = 0) =>
  door.ask("POST", `/v1/topics/${topic}/records?partition=${partition}`, {
    headers: { "content-type": "text/plain" },
    body,
  });
const call = (group: string, what: string, body: object) =>
  door.ask("POST", `/v1/groups/${group}/${what}`, { body });
const fetch = async (group: string, body: object) =>
  (await call(group, "fetch", body)).json as Fetched;

describe("a group over HTTP", () => {
  test("hands records out until they are acknowledged", async () => {
    await make("plain");
    await append("plain", "a");
    const first = await fetch("plain", { topics: ["plain"] });
    expect(first).toMatchObject({
      epoch: 1,
      joined: true,
      assignment: [{ topic: "plain", partitions: [0] }],
      records: [{ topic: "plain", partition: 0, offset: 0, value: "a", encoding: "text" }],
    });
    const { member, cursor } = first;
    const acked = await call("plain", "ack", { member, cursor });
    expect([acked.status, acked.json]).toEqual([
      200,
      { member, epoch: 1, offsets: [{ topic: "plain", partition: 0, offset: 1 }] },
    ]);
    expect((await fetch("plain", { topics: ["plain"], member })).records).toEqual([]);
  });

  test("a fetch that waits is answered by the next append", async () => {
    await make("late");
    const waiting = fetch("late", { topics: ["late"], member: "m", wait: "10s" });
    await append("late", "a");
    expect((await waiting).records).toMatchObject([{ value: "a" }]);
  });

  test("members share partitions and take turns as they come and go", async () => {
    await make("shared", 2);
    const topics = ["shared"];
    expect((await fetch("shared", { topics, member: "one" })).assignment[0]?.partitions).toEqual([
      0, 1,
    ]);
    await fetch("shared", { topics, member: "two" });
    const one = await fetch("shared", { topics, member: "one" });
    const two = await fetch("shared", { topics, member: "two" });
    const both = [one, two].map(({ assignment }) => assignment[0]?.partitions ?? []);
    expect(both.map(({ length }) => length)).toEqual([1, 1]);
    expect(new Set(both.flat())).toEqual(new Set([0, 1]));
    const left = await call("shared", "leave", { member: "one" });
    expect(left.status).toBe(204);
    await fetch("shared", { topics, member: "two" });
    const last = await fetch("shared", { topics, member: "two" });
    expect(last.assignment[0]?.partitions).toEqual([0, 1]);
  });

  test("the answer to a stale acknowledgement says why", async () => {
    await make("stale");
    await append("stale", "a");
    const { cursor } = await fetch("stale", { topics: ["stale"], member: "one" });
    await call("stale", "leave", { member: "one" });
    await fetch("stale", { topics: ["stale"], member: "two" });
    const gone = await call("stale", "ack", { member: "one", cursor });
    expect(gone.json).toMatchObject({ status: 409, code: "UNKNOWN_MEMBER_ID" });
    const { joined, records } = await fetch("stale", { topics: ["stale"], member: "one" });
    expect([joined, records]).toEqual([true, []]);
    const stale = await call("stale", "ack", { member: "one", cursor });
    expect(stale.json).toMatchObject({ status: 409, code: "STALE_MEMBER_EPOCH" });
  });

  test.each([
    ["fetch", {}],
    ["fetch", { topics: [] }],
    ["fetch", { topics: ["x"], max: 0 }],
    ["fetch", { topics: ["x"], max: 1_000_000 }],
    ["fetch", { topics: ["x"], wait: "2h" }],
    ["fetch", { topics: ["x"], member: "" }],
    ["fetch", { topics: ["x"], cursor: "?" }],
    ["ack", { member: "m" }],
    ["ack", { member: "m", cursor: "1", epoch: 1 }],
    ["ack", { member: "m", cursor: "1", offsets: [] }],
    ["leave", {}],
  ])("%s of %j is refused with 400", async (what, body) => {
    await make("x");
    expect((await call("refused", what, body)).status).toBe(400);
  });
});

describe("offsets of a group over HTTP", () => {
  test("are read with their lag, moved while nobody is in it, and forgotten", async () => {
    await make("moved", 2);
    await append("moved", "a");
    await append("moved", "b");
    const path = "/v1/groups/moved/offsets";
    const put = await door.ask("PUT", path, {
      body: {
        offsets: [
          { topic: "moved", partition: 0, offset: "-1" },
          { topic: "moved", partition: 1, offset: "latest" },
        ],
      },
    });
    const offsets = [
      { topic: "moved", partition: 0, offset: 1, end: 2, lag: 1, metadata: "" },
      { topic: "moved", partition: 1, offset: 0, end: 0, lag: 0, metadata: "" },
    ];
    expect(put.json).toEqual({ group: "moved", offsets });
    const { records } = await fetch("moved", { topics: ["moved"], member: "m" });
    expect(records).toMatchObject([{ offset: 1, value: "b" }]);
    expect((await door.ask("PUT", path, { body: { offsets: [] } })).status).toBe(400);
    const busy = await door.ask("DELETE", `${path}?topic=moved`);
    expect(busy.json).toMatchObject({ status: 409, code: "GROUP_SUBSCRIBED_TO_TOPIC" });
    await call("moved", "leave", { member: "m" });
    expect((await door.ask("DELETE", `${path}?topic=moved&partition=0`)).status).toBe(204);
    expect((await door.ask("GET", path)).json).toMatchObject({ offsets: [{ partition: 1 }] });
  });

  test("what there is shows among Kafka's groups", async () => {
    await make("listed");
    await fetch("listed", { topics: ["listed"], member: "m" });
    const { groups } = (await door.ask("GET", "/v1/groups")).json as { groups: object[] };
    expect(groups).toContainEqual({
      group: "listed",
      kind: "consumer",
      state: "Stable",
      protocolType: "consumer",
    });
    expect((await door.ask("GET", "/v1/groups/listed")).json).toMatchObject({
      state: "Stable",
      epoch: 1,
      members: [{ member: "m", assignment: [{ topic: "listed", partitions: [0] }] }],
    });
    expect((await door.ask("DELETE", "/v1/groups/listed")).json).toMatchObject({
      status: 409,
      code: "NON_EMPTY_GROUP",
    });
  });
});
