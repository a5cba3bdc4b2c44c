import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open();
});
afterAll(() => door.close());

const put = (key: string, value: unknown) =>
  door.ask("POST", "/v1/topics/users/records", {
    headers: { "content-type": "application/vnd.xylem.records+json" },
    body: JSON.stringify({ records: [{ key, value }] }),
  });
const latest = (key: string) => door.ask("GET", `/v1/topics/users/latest?key=${key}`);
const patch = (operations: object[], query = "?key=ada") =>
  door.ask("PATCH", `/v1/topics/users/records/latest${query}`, {
    headers: { "content-type": "application/json-patch+json" },
    body: JSON.stringify(operations),
  });

test("the newest record of a key is its value, with its type and its place", async () => {
  await put("ada", { age: 35 });
  await put("bob", { age: 1 });
  await put("ada", { age: 36 });
  const { text, headers } = await latest("ada");
  expect([text, headers.get("content-type")]).toEqual(['{"age":36}', "application/json"]);
  expect([headers.get("xylem-partition"), headers.get("xylem-offset")]).toEqual(["0", "2"]);
});

test("a key that was never there, or was deleted, is 404 and says which", async () => {
  expect((await latest("eve")).json).toMatchObject({ status: 404, tombstone: false });
  await put("bob", null);
  expect((await latest("bob")).json).toMatchObject({ status: 404, tombstone: true, offset: 3 });
});

test("a patch makes a new record of the newest document", async () => {
  const answer = await patch([{ op: "replace", path: "/age", value: 37 }]);
  expect([answer.status, answer.json]).toMatchObject([
    201,
    { records: [{ partition: 0, offset: 4 }], document: { age: 37 } },
  ]);
  expect((await latest("ada")).text).toBe('{"age":37}');
  const patches = await door.ask("GET", "/v1/topics/users-patches/partitions/0/records");
  expect(patches.json).toMatchObject({ records: [{ key: "ada", value: [{ op: "replace" }] }] });
});

test("a patch that does not fit changes nothing", async () => {
  const unfit = await patch([{ op: "test", path: "/age", value: 1 }]);
  expect(unfit.json).toMatchObject({ status: 409, code: "PATCH_FAILED" });
  expect((await patch([{ op: "add" }])).status).toBe(400);
  expect((await patch([], "?key=eve")).status).toBe(404);
  expect((await latest("ada")).text).toBe('{"age":37}');
});
