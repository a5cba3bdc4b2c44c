import { expect } from "vitest";
import { type TestBroker } from "xylem/testing";
import { test as base } from "xylem/testing/vitest";
import { OrdersService } from "./orders-service.ts";

/** A broker and a running service for each test, both gone behind it. */
const test = base.extend<{ service: OrdersService }>({
  service: async ({ broker }, use) => {
    const names = ["orders", "payments", "payments-unreadable"];
    await Promise.all(names.map((name) => broker.topic(name)));
    const service = new OrdersService([broker.bootstrap]);
    await service.start();
    await use(service);
    await service.stop();
  },
});

async function valuesOf(broker: TestBroker, name: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const record of (await broker.topic(name)).read()) values.push(record.json());
  return values;
}

const order = { id: "42", item: "a pair of shoes", cents: 8_900 };

async function pay(broker: TestBroker, value: object | string): Promise<void> {
  const { offset } = await (await broker.topic("payments")).append({ value });
  const committed = { kind: "commit", group: "orders", offset: offset + 1 } as const;
  await broker.trace.until(committed);
}

test("an order is on the log once it is placed", async ({ broker, service }) => {
  await service.place(order);
  expect(await valuesOf(broker, "orders")).toEqual([order]);
});

test("a payment makes its order paid, and no other", async ({ broker, service }) => {
  await pay(broker, { orderId: "42" });
  expect([service.isPaid("42"), service.isPaid("43")]).toEqual([true, false]);
});

test("a payment that nobody can read is put aside", async ({ broker, service }) => {
  await pay(broker, '"nonsense"');
  await pay(broker, { orderId: "42" });
  expect(await valuesOf(broker, "payments-unreadable")).toEqual(["nonsense"]);
  expect(service.isPaid("42")).toBe(true);
});

test("an order whose answer got lost is there once", async ({ broker, service }) => {
  broker.faults.on("Produce", { topic: "orders", nth: 1 }, "lose-answer");
  await service.place(order);
  expect(await valuesOf(broker, "orders")).toEqual([order]);
  expect(broker.trace.count({ kind: "append", topic: "orders", isDuplicate: true })).toBe(1);
});

test("a broker that moves does not cost an order", async ({ broker, service }) => {
  broker.faults.on("Produce", { topic: "orders", times: 2 }, "NOT_LEADER_OR_FOLLOWER");
  await service.place(order);
  expect(await valuesOf(broker, "orders")).toEqual([order]);
});

test("a service that hung for half a minute comes back", async ({ broker, service }) => {
  await pay(broker, { orderId: "42" });
  await broker.clock.advance("31s");
  await broker.trace.until({ kind: "group", group: "orders", members: [] });
  broker.faults.on("Heartbeat", {}, "UNKNOWN_MEMBER_ID");
  await (await broker.topic("payments")).append({ value: { orderId: "43" } });
  await broker.trace.until({ kind: "commit", group: "orders", topic: "payments", offset: 2 });
  expect(service.isPaid("43")).toBe(true);
});
