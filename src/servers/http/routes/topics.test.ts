import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open({ "delete.topic.enable": true });
});
afterAll(() => door.close());

describe("PUT /v1/topics/{topic}", () => {
  test("makes a topic, and finds the same one again", async () => {
    const asked = { partitions: 3, configs: { "retention.ms": 86_400_000 } };
    const made = await door.ask("PUT", "/v1/topics/orders", { body: asked });
    expect([made.status, made.headers.get("location")]).toEqual([201, "/v1/topics/orders"]);
    expect(made.json).toMatchObject({
      name: "orders",
      isInternal: false,
      configs: { "retention.ms": "86400000" },
      partitions: [{ partition: 0, logStart: 0, highWatermark: 0, chain: [1] }, {}, {}],
    });
    expect((await door.ask("PUT", "/v1/topics/orders", { body: asked })).status).toBe(200);
    expect((await door.ask("PUT", "/v1/topics/orders", { body: {} })).status).toBe(200);
  });

  test("names what differs in one that exists", async () => {
    const body = { partitions: 4, configs: { "retention.ms": "1", "cleanup.policy": "delete" } };
    const answer = await door.ask("PUT", "/v1/topics/orders", { body });
    expect(answer.status).toBe(409);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.json).toMatchObject({
      code: "TOPIC_ALREADY_EXISTS",
      title: "Conflict",
      differences: [
        { name: "partitions", is: 3, asked: 4 },
        { name: "configs.retention.ms", is: "86400000", asked: "1" },
      ],
    });
  });

  test("insists on a new one with If-None-Match", async () => {
    const headers = { "if-none-match": "*" };
    const ask = () => door.ask("PUT", "/v1/topics/fresh", { body: {}, headers });
    expect([(await ask()).status, (await ask()).status]).toEqual([201, 412]);
  });

  test.each([
    ["/v1/topics/a%20b", {}, "INVALID_TOPIC_EXCEPTION"],
    ["/v1/topics/..%2F..%2Fetc", {}, "INVALID_TOPIC_EXCEPTION"],
    ["/v1/topics/x", { partitions: 0 }, "INVALID_REQUEST"],
    ["/v1/topics/x", { partitions: "3" }, "INVALID_REQUEST"],
    ["/v1/topics/x", { replicas: 5 }, "INVALID_REPLICATION_FACTOR"],
    ["/v1/topics/x", { configs: { nope: 1 } }, "INVALID_CONFIG"],
    ["/v1/topics/x", { partition: 1 }, "INVALID_REQUEST"],
    ["/v1/topics/x", [], "INVALID_REQUEST"],
  ])("refuses %s %j as %s", async (path, body, code) => {
    const answer = await door.ask("PUT", path, { body });
    expect([answer.status, answer.json]).toMatchObject([400, { code }]);
    expect(door.broker.topics.find("x")).toBeUndefined();
  });

  test("ensures a topic by its name alone", async () => {
    expect((await door.ask("PUT", "/v1/topics/x")).status).toBe(201);
    expect((await door.ask("PUT", "/v1/topics/x")).status).toBe(200);
  });

  test.each([
    ["text/plain", "{}", 415],
    ["application/json", "{", 400],
    ["application/json", '{"__proto__":{"partitions":3}}', 400],
    ["application/json", '{"configs":{"constructor":{"prototype":1}}}', 400],
    ["application/json", Buffer.from([0xff]), 400],
    ["application/json", "", 400],
  ])("a body of %s %s is refused with %i", async (type, body, status) => {
    const answer = await door.ask("PUT", "/v1/topics/x", {
      headers: { "content-type": type },
      body,
    });
    expect([answer.status, answer.json]).toMatchObject([status, { code: "INVALID_REQUEST" }]);
  });
});

test("a topic is described with its segments when asked", async () => {
  const plain = await door.ask("GET", "/v1/topics/orders");
  expect(JSON.stringify(plain.json)).not.toContain("segments");
  const full = await door.ask("GET", "/v1/topics/orders?segments=true");
  expect(full.json).toMatchObject({
    partitions: [{ segments: [] }, { segments: [] }, { segments: [] }],
  });
});

test("topics are listed by prefix, a page at a time, the broker's own on request", async () => {
  for (const name of ["p.1", "p.2", "p.3"]) {
    await door.ask("PUT", `/v1/topics/${name}`, { body: {} });
  }
  const list = async (query: string) => {
    const { json } = await door.ask("GET", `/v1/topics?prefix=p.${query}`);
    const { topics, next } = json as { topics: { name: string }[]; next: string | null };
    return [topics.map(({ name }) => name), next];
  };
  expect(await list("&limit=2")).toEqual([["p.1", "p.2"], "p.2"]);
  expect(await list("&limit=2&after=p.2")).toEqual([["p.3"], null]);
  await door.broker.topics.ensureInternal("__consumer_offsets");
  const own = (await door.ask("GET", "/v1/topics?internal=true")).text;
  expect([own.includes("__consumer"), (await door.ask("GET", "/v1/topics")).text]).toEqual([
    true,
    expect.not.stringContaining("__consumer") as string,
  ]);
});

test("a change adds partitions and sets configs, all or nothing", async () => {
  const path = "/v1/topics/changing";
  await door.ask("PUT", path, { body: { configs: { "retention.ms": 5 } } });
  const bad = await door.ask("PATCH", path, { body: { partitions: 2, configs: { nope: 1 } } });
  expect([bad.status, door.broker.topics.find("changing")?.partitions.length]).toEqual([400, 1]);
  const configs = { "retention.ms": null, "segment.ms": 7 };
  const good = await door.ask("PATCH", path, { body: { partitions: 2, configs } });
  expect([good.status, good.json]).toMatchObject([
    200,
    { configs: { "segment.ms": "7" }, partitions: [{}, {}] },
  ]);
  expect((await door.ask("PATCH", path, { body: { partitions: 1 } })).json).toMatchObject({
    status: 400,
    code: "INVALID_PARTITIONS",
  });
});

test("a deleted topic is gone, and one that never was is 404", async () => {
  await door.ask("PUT", "/v1/topics/going", { body: {} });
  expect((await door.ask("DELETE", "/v1/topics/going")).status).toBe(204);
  for (const method of ["GET", "DELETE", "PATCH"]) {
    const body = method === "PATCH" ? { body: {} } : {};
    const answer = await door.ask(method, "/v1/topics/going", body);
    expect([answer.status, answer.json]).toMatchObject([
      404,
      { code: "UNKNOWN_TOPIC_OR_PARTITION" },
    ]);
  }
});

test("an unknown query parameter is an error, not a silence", async () => {
  const answer = await door.ask("GET", "/v1/topics?prefx=a");
  expect(answer.json).toMatchObject({ status: 400, detail: expect.stringContaining("prefx") });
});
