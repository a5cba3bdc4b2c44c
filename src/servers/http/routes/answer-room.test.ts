import { afterEach, beforeEach, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

const path = "/v1/topics/orders/partitions/0/records";
let door: HttpDoor;

beforeEach(async () => {
  door = await HttpDoor.open({ "http.answers.memory.max.bytes": 1_000_000 });
  await door.ask("PUT", "/v1/topics/orders", { body: {} });
});

afterEach(() => door.close());

const append = (sizeBytes: number) =>
  door.ask("POST", "/v1/topics/orders/records", {
    headers: { "content-type": "text/plain" },
    body: "x".repeat(sizeBytes),
  });

test("reads that wait take nobody's room, however much they may be answered with", async () => {
  const waiting = Array.from({ length: 40 }, () =>
    door.ask("GET", `${path}?wait=9s&max-bytes=16000000`),
  );
  await expect.poll(() => door.http.requestCount).toBe(41);
  await append(100);
  const told = await Promise.all(waiting);
  expect(told.map(({ status }) => status)).toEqual(waiting.map(() => 200));
  await expect.poll(() => door.http.heldBytes).toEqual({ bodies: 0, answers: 0 });
});

test("pages that do not fit together are refused, and what was taken comes back", async () => {
  for (let count = 0; count < 8; count += 1) await append(100_000);
  const asked = Array.from({ length: 20 }, () =>
    door.ask("GET", `${path}?max-bytes=16000000&limit=10000`),
  );
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  await expect.poll(() => door.http.heldBytes).toEqual({ bodies: 0, answers: 0 });
  expect((await door.ask("GET", `${path}?max-bytes=16000000`)).status).toBe(200);
});
