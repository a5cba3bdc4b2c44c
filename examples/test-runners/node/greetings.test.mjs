import assert from "node:assert/strict";
import { test } from "node:test";
import { useBroker } from "xylem/testing/node";

const broker = useBroker();

test("each test has a broker of its own", async () => {
  assert.deepEqual(broker().topics(), []);
  const topic = await broker().topic("greetings");
  await topic.append({ value: "hello" });
  for await (const record of topic.read()) assert.equal(record.text(), "hello");
});

test("and begins with nothing", () => {
  assert.deepEqual(broker().topics(), []);
});
