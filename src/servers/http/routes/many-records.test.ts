import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open();
  for (const [topic, count] of Object.entries({ a: 5, b: 3 })) {
    await door.ask("PUT", `/v1/topics/${topic}`, { body: { partitions: 2 } });
    for (let n = 0; n < count; n += 1) {
      const body = { topic, n };
      await door.ask("POST", `/v1/topics/${topic}/records?partition=${n % 2}`, { body });
    }
  }
});
afterAll(() => door.close());

interface Page {
  readonly records: readonly { topic: string; partition: number; offset: number; value: unknown }[];
  readonly cursor: string;
}
const read = async (query: string): Promise<Page> =>
  (await door.ask("GET", `/v1/records?${query}`)).json as Page;
const shown = ({ records }: Page) =>
  records.map(({ topic, partition, offset }) => `${topic}-${partition}@${offset}`);

test("pages go over many topics, each record once, in the order of its partition", async () => {
  const seen: string[] = [];
  let cursor = "";
  for (let pages = 0; pages < 20; pages += 1) {
    const page = await read(`topic=a&topic=b&limit=3${cursor && `&cursor=${cursor}`}`);
    if (page.records.length === 0) break;
    expect(page.records.length).toBeLessThanOrEqual(3);
    seen.push(...shown(page));
    cursor = page.cursor;
  }
  expect(seen.toSorted()).toEqual(
    ["a-0@0", "a-0@1", "a-0@2", "a-1@0", "a-1@1", "b-0@0", "b-0@1", "b-1@0"].toSorted(),
  );
  const ofOne = seen.filter((place) => place.startsWith("a-0"));
  expect(ofOne).toEqual(ofOne.toSorted());
});

test("a topic may name its partition and where to begin", async () => {
  expect(shown(await read("topic=a:0:2&topic=b:1"))).toEqual(["a-0@2", "b-1@0"]);
  expect(shown(await read("topic=b::-1")).toSorted()).toEqual(["b-0@1", "b-1@0"]);
  expect(shown(await read("topic=a&from=latest"))).toEqual([]);
});

test("a long poll is woken by a record of any of them, and ends in time", async () => {
  const { cursor } = await read("topic=a&topic=b&from=latest");
  const waiting = read(`topic=a&topic=b&wait=9s&cursor=${cursor}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await door.ask("POST", "/v1/topics/b/records?partition=1", { body: { late: true } });
  const page = await waiting;
  expect(page.records).toMatchObject([{ topic: "b", partition: 1, value: { late: true } }]);
  const startedMs = performance.now();
  expect(shown(await read(`topic=a&topic=b&wait=30ms&cursor=${page.cursor}`))).toEqual([]);
  expect(performance.now() - startedMs).toBeGreaterThan(25);
});

test("filters hold, and the cursor goes past what they left out", async () => {
  const page = await read("topic=a&json./n=3");
  expect(page.records).toMatchObject([{ value: { n: 3 } }]);
  expect(shown(await read(`topic=a&json./n=1&cursor=${page.cursor}`))).toEqual([]);
});

test("what is none is refused", async () => {
  const status = async (query: string) => (await door.ask("GET", `/v1/records?${query}`)).status;
  expect(await status("")).toBe(400);
  expect(await status("topic=none")).toBe(404);
  expect(await status("topic=a:7")).toBe(404);
  expect(await status("topic=a&cursor=xyz")).toBe(400);
  expect(await status("topic=a:0:nonsense")).toBe(400);
});
