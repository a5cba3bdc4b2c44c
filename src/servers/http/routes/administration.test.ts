import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open();
});
afterAll(() => door.close());

const configsOf = (json: unknown) => {
  const { configs } = json as { configs: { name: string; value: string; source: string }[] };
  return new Map(configs.map(({ name, value, source }) => [name, [value, source]]));
};

describe("buckets", () => {
  test("give their configs to topics of their name, and are listed with them", async () => {
    const body = { configs: { "retention.ms": 1_000 } };
    expect((await door.ask("PUT", "/v1/buckets/shop", { body })).status).toBe(201);
    expect((await door.ask("PUT", "/v1/buckets/shop", { body })).status).toBe(200);
    await door.ask("POST", "/v1/topics/shop.orders/records", { body: "made by the append" });
    const configs = configsOf((await door.ask("GET", "/v1/configs/topics/shop.orders")).json);
    expect(configs.get("retention.ms")).toEqual(["1000", "bucket"]);
    const listed = (await door.ask("GET", "/v1/buckets")).json;
    expect(listed).toMatchObject({
      buckets: [{ name: "shop", configs: { "retention.ms": "1000" }, topics: 1 }],
    });
  });

  test("keep streams of one name apart", async () => {
    const append = async (topic: string): Promise<unknown> =>
      (await door.ask("POST", `/v1/topics/${topic}/records`, { body: "v" })).json;
    const at = (offset: number) =>
      expect.objectContaining({ records: [expect.objectContaining({ offset })] }) as unknown;
    expect(await append("north.orders")).toEqual(at(0));
    expect(await append("north.orders")).toEqual(at(1));
    expect(await append("south.orders")).toEqual(at(0));
  });

  test("that exist and differ say in what", async () => {
    const body = { configs: { "retention.ms": 2_000 } };
    expect((await door.ask("PUT", "/v1/buckets/shop", { body })).json).toMatchObject({
      status: 409,
      differences: [{ name: "configs.retention.ms", is: "1000", asked: "2000" }],
    });
    const changed = await door.ask("PATCH", "/v1/buckets/shop", { body });
    expect(changed.json).toMatchObject({ configs: { "retention.ms": "2000" } });
  });

  test("go with their topics only when that is said", async () => {
    expect((await door.ask("DELETE", "/v1/buckets/shop")).json).toMatchObject({
      status: 409,
      code: "BUCKET_NOT_EMPTY",
      topics: 1,
    });
    expect((await door.ask("DELETE", "/v1/buckets/shop?topics=delete")).status).toBe(204);
    expect(door.broker.topics.find("shop.orders")).toBeUndefined();
    for (const method of ["GET", "DELETE", "PATCH"]) {
      const options = method === "PATCH" ? { body: { configs: {} } } : {};
      expect((await door.ask(method, "/v1/buckets/shop", options)).status).toBe(404);
    }
  });

  test("with a name or a config that is none are refused", async () => {
    expect((await door.ask("PUT", "/v1/buckets/a.b", { body: {} })).status).toBe(400);
    const body = { configs: { nope: 1 } };
    expect((await door.ask("PUT", "/v1/buckets/ab", { body })).status).toBe(400);
  });
});

describe("configs", () => {
  test("of a topic show value and source, and change by name", async () => {
    await door.ask("PUT", "/v1/topics/t", { body: {} });
    const path = "/v1/configs/topics/t";
    const body = { configs: { "segment.ms": 5_000, "content.type": "application/json" } };
    await door.ask("PATCH", `${path}?validate-only=true`, { body });
    expect(configsOf((await door.ask("GET", path)).json).get("segment.ms")![1]).toBe("default");
    const changed = configsOf((await door.ask("PATCH", path, { body })).json);
    expect(changed.get("segment.ms")).toEqual(["5000", "topic"]);
    expect(changed.get("content.type")).toEqual(["application/json", "topic"]);
    const bad = { configs: { "segment.ms": 6_000, nope: "x" } };
    expect((await door.ask("PATCH", path, { body: bad })).status).toBe(400);
    expect(configsOf((await door.ask("GET", path)).json).get("segment.ms")![0]).toBe("5000");
  });

  test("of this node, of all nodes and of groups are there", async () => {
    const own = configsOf((await door.ask("GET", "/v1/configs")).json);
    expect(own.get("http.request.max.bytes")).toEqual(["16777216", "default"]);
    expect((await door.ask("GET", "/v1/configs/brokers/1")).status).toBe(200);
    const body = { configs: { "log.retention.ms": "7" } };
    const all = await door.ask("PATCH", "/v1/configs/brokers/default", { body });
    expect(configsOf(all.json).get("log.retention.ms")![0]).toBe("7");
    expect((await door.ask("GET", "/v1/configs/groups/g")).status).toBe(200);
    expect((await door.ask("GET", "/v1/configs/brokers/2")).status).toBe(400);
    expect((await door.ask("GET", "/v1/configs/topics/none")).status).toBe(404);
    expect((await door.ask("GET", "/v1/configs/users/x")).status).toBe(400);
  });
});

test("the cluster is this node", async () => {
  const { json } = await door.ask("GET", "/v1/cluster");
  const { clusterId } = door.broker.identity;
  expect(json).toMatchObject({ clusterId, controllerId: 1, nodes: [{ nodeId: 1 }] });
});
