import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestBroker } from "../../src/harness/index.ts";

const path = "/v1/topics/orders/records";

let broker: TestBroker;

beforeEach(async () => {
  broker = await TestBroker.start({ time: "stands" });
  await broker.topic("orders", { partitions: 1 });
});

afterEach(() => broker.close());

async function append(value: string, key = value): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${broker.url}${path}`, {
    method: "POST",
    headers: { "content-type": "text/plain", "idempotency-key": key },
    body: value,
  });
  return { status: answer.status, body: await answer.json() };
}

async function values(): Promise<string[]> {
  const found: string[] = [];
  for await (const record of (await broker.topic("orders")).read()) found.push(record.text());
  return found;
}

describe("a scripted fault of the HTTP door", () => {
  test("answers the second append with an error of the door, and stores nothing", async () => {
    const where = { method: "POST", path, nth: 2 };
    const fault = broker.faults.onHttp(where, "KAFKA_STORAGE_ERROR");
    expect((await append("a")).status).toBe(201);
    const { status, body } = await append("b");
    expect([status, body]).toMatchObject([500, { code: "KAFKA_STORAGE_ERROR", retriable: true }]);
    expect((await append("c")).status).toBe(201);
    expect([await values(), fault.count]).toEqual([["a", "c"], 1]);
  });

  test("that loses an answer has done what was asked, and a key makes the retry safe", async () => {
    broker.faults.onHttp({ path, nth: 1 }, "lose-answer");
    await expect(append("paid")).rejects.toThrow("fetch failed");
    expect((await append("paid")).body).toMatchObject({ records: [{ offset: 0 }] });
    expect(await values()).toEqual(["paid"]);
    expect(broker.trace.filter({ kind: "reply", path })).toMatchObject([{ status: 201 }]);
  });

  test("that disconnects stores nothing", async () => {
    broker.faults.onHttp({ path, times: 1 }, "disconnect");
    await expect(append("gone")).rejects.toThrow("fetch failed");
    expect(await values()).toEqual([]);
  });

  test("that delays waits for the broker's clock", async () => {
    broker.faults.onHttp({ path }, { delay: "10s" });
    const waiting = append("late");
    await broker.trace.until({ kind: "fault", at: "http" });
    await broker.clock.advance("9s");
    expect(await values()).toEqual([]);
    await broker.clock.advance("1s");
    expect((await waiting).status).toBe(201);
  });

  test("strikes a call of gRPC's kind as well", async () => {
    broker.faults.onHttp({ path: "/xylem.v1.EchoService/Ping" }, "BROKER_NOT_AVAILABLE");
    const answer = await fetch(`${broker.url}/xylem.v1.EchoService/Ping`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(answer.status).toBe(503);
  });
});
