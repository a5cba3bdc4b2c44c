import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open();
});
afterAll(() => door.close());

const lines = { "content-type": "application/x-ndjson" };
const post = (key: string, body: string, topic = "orders", headers = {}) =>
  door.ask("POST", `/v1/topics/${topic}/records`, {
    headers: { "idempotency-key": key, ...headers },
    body,
  });
const end = (topic: string): number | undefined =>
  door.broker.topics.find(topic)?.partitions[0]?.end;

test("the same Idempotency-Key with the same body gets the first answer again", async () => {
  const first = await post("k1", "a\nb\n", "orders", lines);
  const again = await post("k1", "a\nb\n", "orders", lines);
  expect([again.status, again.json]).toEqual([201, first.json]);
  expect(again.headers.get("location")).toBe(first.headers.get("location"));
  expect(end("orders")).toBe(2);
});

test("with another body it is refused with 422", async () => {
  await post("k2", "a", "bodies");
  const other = await post("k2", "b", "bodies");
  expect([other.status, other.json]).toMatchObject([422, { code: "IDEMPOTENCY_KEY_REUSED" }]);
  expect(end("bodies")).toBe(1);
});

test("of two at a time one appends, the other is told that it is under way, or done", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => post("k3", "a", "races")));
  for (const { status } of answers) expect(status).toBeOneOf([201, 409]);
  expect(end("races")).toBe(1);
  expect((await post("k3", "a", "races")).status).toBe(201);
});

test("a key that is too long is refused with 400", async () => {
  expect((await post("x".repeat(256), "a")).status).toBe(400);
});
