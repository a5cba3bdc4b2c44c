import { afterEach, beforeEach, expect, test } from "vitest";
import { EventClient } from "../../../../test/support/event-client.ts";
import { HttpDoor } from "../../../../test/support/http-door.ts";
import { ReaderCount } from "../../../broker/records/reader-count.ts";

const refused = { status: 503, json: { setting: "live.readers.max" } };
const events = { headers: { accept: "text/event-stream" } };
let door: HttpDoor;

beforeEach(async () => {
  door = await HttpDoor.open({ "live.readers.max": 2 });
  await door.ask("PUT", "/v1/topics/orders", { body: {} });
});

afterEach(() => door.close());

const count = (): number => ReaderCount.of(door.broker).count;

test("streams of events past live.readers.max are refused until one ends", async () => {
  const url = `${door.url}/v1/records?topic=orders`;
  const [first, second] = [await EventClient.open(url), await EventClient.open(url)];
  const third = await door.ask("GET", "/v1/records?topic=orders", events);
  expect(third).toMatchObject(refused);
  expect(third.headers.get("retry-after")).toBe("1");
  first.close();
  await expect.poll(count).toBe(1);
  (await EventClient.open(url)).close();
  second.close();
  await expect.poll(count).toBe(0);
});

test("reads and members that wait count as well, those that need not wait do not", async () => {
  const path = "/v1/topics/orders/partitions/0/records";
  const member = { topics: ["orders"], member: "m", wait: "9s" };
  const fetch = () => door.ask("POST", "/v1/groups/g/fetch", { body: member });
  const waiting = [door.ask("GET", `${path}?wait=9s`), fetch()];
  await expect.poll(count).toBe(2);
  expect(await door.ask("GET", `${path}?wait=9s`)).toMatchObject(refused);
  expect(await fetch()).toMatchObject(refused);
  expect((await door.ask("GET", path)).status).toBe(200);
  await door.ask("POST", "/v1/topics/orders/records", { body: { a: 1 } });
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  expect(count()).toBe(0);
});
