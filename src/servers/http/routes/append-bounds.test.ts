import { afterAll, beforeAll, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";
import { SocketClient } from "../../../../test/support/socket-client.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open({
    "append.max.headers": 3,
    "append.max.records": 4,
    "http.list.max.values": 1_000,
  });
});
afterAll(() => door.close());

const listType = "application/vnd.xylem.records+json";
const post = (type: string, body: string) =>
  door.ask("POST", "/v1/topics/t/records", { headers: { "content-type": type }, body });
const list = (...records: object[]) => JSON.stringify({ records });
const values = (count: number) => list({ value: Array.from({ length: count }, () => 0) });

test.each([
  ["more records", listType, list({}, {}, {}, {}, {}), "RECORD_LIST_TOO_LARGE"],
  ["more lines", "application/x-ndjson", "1\n".repeat(5), "RECORD_LIST_TOO_LARGE"],
  ["more headers", listType, list({ headers: { a: "", b: "", c: "", d: "" } }), "INVALID_RECORD"],
  ["more of one header", listType, list({ headers: { a: ["", "", "", ""] } }), "INVALID_RECORD"],
  ["more values", listType, values(1_000), "RECORD_LIST_TOO_LARGE"],
])("%s than the settings allow are refused, and nothing is stored", async (_, type, body, code) => {
  expect((await post(type, body)).json).toMatchObject({ code });
  expect(door.broker.topics.find("t")?.partitions[0]?.end ?? 0).toBe(0);
});

test("as many as the settings allow are stored", async () => {
  const headers = { a: "", b: ["", ""] };
  expect((await post(listType, list({ headers }, {}, {}, {}))).status).toBe(201);
  // The body, its list, the record, its value.
  expect((await post(listType, values(996))).status).toBe(201);
  expect((await post("application/x-ndjson", "1\n".repeat(4))).status).toBe(201);
});

test("a body larger than a record may be is refused before it is looked at", async () => {
  const noJson = "[".repeat(1_100_000);
  const { json } = await post("application/json", noJson);
  expect(json).toMatchObject({ status: 413, code: "MESSAGE_TOO_LARGE" });
});

test("a socket's append has the same bounds", async () => {
  const client = await SocketClient.open(`${door.url.replace("http", "ws")}/v1/socket`);
  const append = (...records: object[]) => client.ask({ type: "append", topic: "s", records });
  const tooMany = await append({}, {}, {}, {}, {});
  expect(tooMany.error).toMatchObject({ code: "RECORD_LIST_TOO_LARGE" });
  const headers = { a: ["", "", "", ""] };
  expect((await append({ headers })).error).toMatchObject({ code: "INVALID_RECORD" });
  expect((await append({}, {}, {}, {})).ok).toBe(true);
  client.socket.close();
});
