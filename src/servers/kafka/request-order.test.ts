import { expect, test } from "vitest";
import { RequestOrder } from "./request-order.ts";

test("appends start while earlier appends wait for their commit", () => {
  const order = new RequestOrder();
  order.start("append");
  expect(order.mayStart("append", 1)).toBe(true);
});

test("everything may start while a fetch waits, further fetches up to their bound", () => {
  const order = new RequestOrder();
  order.start("fetch");
  expect(order.mayStart("append", 2)).toBe(true);
  expect(order.mayStart("alone", 2)).toBe(true);
  expect(order.mayStart("fetch", 2)).toBe(true);
  expect(order.mayStart("fetch", 1)).toBe(false);
});

test("a fetch or an admin request sees what was appended before it", () => {
  const order = new RequestOrder();
  order.start("append");
  expect(order.mayStart("fetch", 4)).toBe(false);
  expect(order.mayStart("alone", 4)).toBe(false);
  order.finish("append");
  expect(order.mayStart("fetch", 4)).toBe(true);
});

test("nothing overtakes a request that works alone", () => {
  const order = new RequestOrder();
  order.start("alone");
  for (const sharing of ["append", "fetch", "wait", "alone"] as const) {
    expect(order.mayStart(sharing, 4)).toBe(false);
  }
});

test("nothing starts while an append waits for room in its partition", () => {
  const order = new RequestOrder();
  order.start("append");
  order.hold();
  expect(order.mayStart("append", 1)).toBe(false);
  order.release();
  expect(order.mayStart("append", 1)).toBe(true);
});

test("finishing what never started is a broken invariant", () => {
  expect(() => new RequestOrder().finish("wait")).toThrow("finished twice");
});
