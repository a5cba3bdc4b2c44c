import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { BodyBudget } from "./body-budget.ts";

const budget = (one: number, all: number) =>
  new BodyBudget({ sizeBytesMax: () => one, memoryBytesMax: () => all });
const chunks = (...sizes: number[]) => Readable.from(sizes.map((size) => Buffer.alloc(size, 1)));
const status = (code: number) => expect.objectContaining({ status: code }) as Error;

test("bodies count until they are released, however their size is known", async () => {
  const bodies = budget(100, 150);
  const first = await bodies.read(chunks(60, 40), 100);
  expect([first.bytes.length, bodies.bytes]).toEqual([100, 100]);
  await expect(bodies.read(chunks(30, 30), undefined)).rejects.toEqual(status(503));
  await expect(bodies.read(chunks(60), 60)).rejects.toEqual(status(503));
  expect(bodies.bytes).toBe(100);
  first.release();
  first.release();
  expect(bodies.bytes).toBe(0);
  expect((await bodies.read(chunks(30, 30), undefined)).bytes.length).toBe(60);
});

test("a body past its bound is refused, by what it says or by what it sends", async () => {
  const bodies = budget(100, 1_000);
  await expect(bodies.read(chunks(1), 101)).rejects.toEqual(status(413));
  await expect(bodies.read(chunks(60, 60), undefined)).rejects.toEqual(status(413));
  expect(bodies.bytes).toBe(0);
});

test("who announces much and sends little takes nobody's place", async () => {
  const bodies = budget(100, 100);
  const source = new Readable({ read() {} });
  const reading = bodies.read(source, 100);
  source.push(Buffer.alloc(10));
  expect((await bodies.read(chunks(90), 90)).bytes.length).toBe(90);
  expect(bodies.bytes).toBe(100);
  source.destroy();
  await expect(reading).rejects.toEqual(status(400));
  expect(bodies.bytes).toBe(90);
});

test("a client that goes away in between frees what it had", async () => {
  const bodies = budget(100, 1_000);
  const source = new Readable({ read() {} });
  const reading = bodies.read(source, 50);
  source.push(Buffer.alloc(10));
  await new Promise((resolve) => setImmediate(resolve));
  source.destroy();
  await expect(reading).rejects.toEqual(status(400));
  expect(bodies.bytes).toBe(0);
});
