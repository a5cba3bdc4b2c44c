import { useBroker } from "xylem/testing/jest";

const broker = useBroker();

test("each test has a broker of its own", async () => {
  expect(broker().topics()).toEqual([]);
  const topic = await broker().topic("greetings");
  await topic.append({ value: "hello" });
  for await (const record of topic.read()) expect(record.text()).toBe("hello");
});

test("and begins with nothing", () => {
  expect(broker().topics()).toEqual([]);
});
