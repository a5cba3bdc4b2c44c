import { expect } from "vitest";
import { test } from "xylem/testing/vitest";

test("each test has a broker of its own", async ({ broker }) => {
  expect(broker.topics()).toEqual([]);
  const topic = await broker.topic("greetings");
  await topic.append({ value: "hello" });
  for await (const record of topic.read()) expect(record.text()).toBe("hello");
});

test("and begins with nothing", ({ broker }) => {
  expect(broker.topics()).toEqual([]);
});
