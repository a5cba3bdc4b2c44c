import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";

let broker: Xylem;
const greeting = { word: "hello" };

beforeAll(async () => {
  broker = await Xylem.start({
    settings: { "http.request.max.bytes": 2_000 },
    routes: (app) => {
      app.get("/greet/:name", ({ params }) => ({
        said: `${greeting.word} ${(params as { name: string }).name}`,
      }));
      app.post("/orders", async ({ body }, reply) => {
        const orders = await broker.topic("orders");
        const { offset } = await orders.append({ value: body as object });
        return reply.code(201).send({ offset });
      });
      app.get("/broken", () => {
        throw new Error("a secret of the program");
      });
    },
  });
});
afterAll(() => broker.close());

const post = (body: string) =>
  fetch(`${broker.url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });

test("a program's own routes are served beside the broker's", async () => {
  const answer = await fetch(`${broker.url}/greet/ada`);
  expect(await answer.json()).toEqual({ said: "hello ada" });
  greeting.word = "bye";
  expect(await (await fetch(`${broker.url}/greet/ada`)).json()).toEqual({ said: "bye ada" });
  expect((await fetch(`${broker.url}/v1/topics`)).status).toBe(200);
});

test("they use the broker that they are part of", async () => {
  const answer = await post('{"total":9}');
  expect([answer.status, await answer.json()]).toEqual([201, { offset: 0 }]);
  const read = await fetch(`${broker.url}/v1/topics/orders/partitions/0/records`);
  expect(await read.json()).toMatchObject({ records: [{ value: { total: 9 } }] });
});

test("they have the broker's bounds, problems and guard", async () => {
  expect((await post(JSON.stringify("x".repeat(3_000)))).status).toBe(413);
  const broken = await fetch(`${broker.url}/broken`);
  const text = await broken.text();
  expect([broken.status, text.includes("secret")]).toEqual([500, false]);
  const foreign = await fetch(`${broker.url}/greet/ada`, {
    headers: { origin: "https://evil.example" },
  });
  expect(foreign.status).toBe(403);
  const rebound = await new Promise<number>((resolve) => {
    const headers = { host: "evil.example" };
    const options = { port: broker.port, host: "127.0.0.1", path: "/greet/ada", headers };
    request(options, (answer) => resolve(answer.resume().statusCode ?? 0)).end();
  });
  expect(rebound).toBe(403);
});

test("what they have open is closed with the broker, once", async () => {
  const told: string[] = [];
  const other = await Xylem.start({
    routes: (app) => {
      app.addHook("onClose", () => void told.push("closed"));
      app.get("/", () => "");
    },
  });
  expect((await fetch(other.url)).status).toBe(200);
  expect(told).toEqual([]);
  await other.close();
  await other.close();
  expect(told).toEqual(["closed"]);
});

test.each([
  ["a path of the broker's", "/v1/mine"],
  ["a path that is taken", "/healthz"],
])("%s stops the start, which says so", async (_case, path) => {
  const start = Xylem.start({
    routes: (app) => {
      app.get(path, () => "");
    },
  });
  await expect(start).rejects.toThrow(path);
});
