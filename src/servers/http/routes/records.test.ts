import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AskOptions, HttpDoor } from "../../../../test/support/http-door.ts";
import { partitionOfKey } from "../../../base/murmur2.ts";

let door: HttpDoor;
beforeAll(async () => {
  door = await HttpDoor.open({ "http.request.max.bytes": 2_000_000, "http.wait.max.ms": 10_000 });
});
afterAll(() => door.close());

const post = (topic: string, options: AskOptions, query = "") =>
  door.ask("POST", `/v1/topics/${topic}/records${query}`, options);
const get = (topic: string, query = "", headers = {}) =>
  door.ask("GET", `/v1/topics/${topic}/partitions/0/records${query}`, { headers });
const typed = (type: string, body: string | Uint8Array) => ({
  headers: { "content-type": type },
  body,
});
const make = (topic: string, body: object = {}) => door.ask("PUT", `/v1/topics/${topic}`, { body });
const recordsOf = (json: unknown) =>
  (json as { records: { offset: number; value: unknown; encoding: string }[] }).records;

describe("POST /v1/topics/{topic}/records", () => {
  test("a JSON body is one record, kept as it came", async () => {
    const body = '{ "total": 12345678901234567890 }';
    const answer = await post("one", typed("application/json", body));
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({ records: [{ partition: 0, offset: 0 }] });
    const path = answer.headers.get("location")!;
    expect(path).toBe("/v1/topics/one/partitions/0/records/0");
    const record = await door.ask("GET", path);
    expect([record.text, record.headers.get("content-type")]).toEqual([body, "application/json"]);
  });

  test.each([
    ["application/json", "{", 400],
    ["application/json", "", 400],
    ["application/json; charset=utf-8", "not JSON", 400],
    ["application/json", Uint8Array.of(0x22, 0xff, 0x22), 400],
    ["application/vnd.xylem.records+json", '{"records":[]}', 400],
    ["application/vnd.xylem.records+json", '{"records":[{"valeu":1}]}', 400],
    ["application/vnd.xylem.records+json", '{"records":[{"value":1,"encoding":"base64"}]}', 400],
    ["application/vnd.xylem.records+json", '{"records":[{"value":"*","encoding":"base64"}]}', 400],
    ["application/x-ndjson", "\n\r\n\n", 400],
    ["text/plain", "x".repeat(2_000_001), 413],
    ["text/plain", "x".repeat(1_500_000), 413],
  ])("a body of %s that starts with %.60s is refused with %i", async (type, body, status) => {
    const { headers, json } = await post("bad", typed(type, body));
    expect([json, headers.get("content-type")]).toMatchObject([
      { status },
      "application/problem+json",
    ]);
    expect(door.broker.topics.find("bad")?.partitions[0]?.end ?? 0).toBe(0);
  });

  test("a body that is too large is told the limit, with and without a length", async () => {
    const { json } = await post("bad", typed("text/plain", "x".repeat(2_000_001)));
    expect(json).toMatchObject({ code: "MESSAGE_TOO_LARGE", limit: 2_000_000 });
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 3; i += 1) controller.enqueue(new Uint8Array(1_000_000));
        controller.close();
      },
    });
    const init = { method: "POST", body: stream, duplex: "half" } as RequestInit;
    const response = await fetch(`${door.url}/v1/topics/bad/records`, init);
    expect([response.status, await response.json()]).toMatchObject([413, { limit: 2_000_000 }]);
  });

  test("lines are records, byte for byte, and come back as they were", async () => {
    const body = 'plain\r\n{"a":1}\n\n  \nlast';
    const answer = await post("lines", typed("application/x-ndjson", body));
    expect(recordsOf(answer.json)).toHaveLength(4);
    const { text } = await get("lines", "", { accept: "text/plain" });
    expect(text).toBe('plain\r\n{"a":1}\n  \nlast\n');
  });

  test("more lines than a request may have are refused, and none is stored", async () => {
    const body = "1\n".repeat(100_001);
    const answer = await post("too.many", typed("application/x-ndjson", body));
    expect(answer.json).toMatchObject({ status: 413, code: "RECORD_LIST_TOO_LARGE" });
    expect(door.broker.topics.find("too.many")?.partitions[0]?.end ?? 0).toBe(0);
  });

  test("a list has keys, headers, times, partitions and tombstones", async () => {
    await make("listed", { partitions: 2 });
    const records = [
      { key: "k", value: { a: 1 }, partition: 0, timestamp: 5, headers: { x: "1", y: ["2", "3"] } },
      { key: "k", value: null, partition: 0 },
      { value: "AP8=", encoding: "base64", partition: 1 },
      { value: "text", encoding: "text", partition: 0 },
      { value: null, encoding: "json", partition: 0 },
    ];
    const type = "application/vnd.xylem.records+json";
    const answer = await post("listed", typed(type, JSON.stringify({ records })));
    expect(recordsOf(answer.json)).toMatchObject([
      { partition: 0, offset: 0 },
      { partition: 0, offset: 1 },
      { partition: 1, offset: 0 },
      { partition: 0, offset: 2 },
      { partition: 0, offset: 3 },
    ]);
    expect(recordsOf((await get("listed")).json)).toMatchObject([
      {
        topic: "listed",
        timestamp: 5,
        key: "k",
        keyEncoding: "text",
        encoding: "json",
        value: { a: 1 },
        headers: { "content-type": "application/json", x: "1", y: ["2", "3"] },
      },
      { encoding: "text", value: null },
      { encoding: "text", value: "text" },
      { encoding: "json", value: null },
    ]);
    expect((await door.ask("GET", "/v1/topics/listed/partitions/0/records/1")).status).toBe(204);
  });

  test("over several partitions each record is told its own fate", async () => {
    await make("fates", { partitions: 2, configs: { "max.message.bytes": 1_000 } });
    const records = [
      { value: "x".repeat(2_000), partition: 0 },
      { value: "y", partition: 1 },
    ];
    const type = "application/vnd.xylem.records+json";
    const answer = await post("fates", typed(type, JSON.stringify({ records })));
    expect([answer.status, answer.json]).toMatchObject([
      413,
      {
        code: "MESSAGE_TOO_LARGE",
        records: [{ partition: 0, offset: -1, code: "MESSAGE_TOO_LARGE" }, { offset: 0 }],
      },
    ]);
  });

  test("a key chooses the partition, and a partition can be said", async () => {
    await make("keyed", { partitions: 8 });
    const place = async (query: string) => {
      const { json } = await post("keyed", typed("text/plain", "v"), query);
      return (json as { records: { partition: number }[] }).records[0]!.partition;
    };
    expect([await place("?key=42"), await place("?key=42"), await place("?partition=3")]).toEqual([
      partitionOfKey(Buffer.from("42"), 8),
      partitionOfKey(Buffer.from("42"), 8),
      3,
    ]);
    expect((await post("keyed", typed("text/plain", "v"), "?partition=8")).status).toBe(404);
  });

  test("who waits for nothing is told 202, and too few replicas are 503", async () => {
    expect((await post("acks", typed("text/plain", "v"), "?acks=0")).status).toBe(202);
    expect((await post("acks", typed("text/plain", "v"), "?acks=1")).status).toBe(201);
    const few = await post("acks", typed("text/plain", "v"), "?min-replicas=2");
    expect([few.status, few.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await post("acks", typed("text/plain", "v"), "?acks=2")).status).toBe(400);
    expect((await post("acks", typed("text/plain", "v"), "?timeout=soon")).status).toBe(400);
  });

  test("If-Match appends only at the offset it names, of many writers for one", async () => {
    const at = (value: string, topic = "matched", query = "") =>
      post(topic, { body: "v", headers: { "if-match": value } }, query);
    const all = await Promise.all([1, 2, 3, 4].map(() => at('"0"')));
    expect(all.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 412, 412, 412]);
    expect((await at('"0"')).json).toMatchObject({
      status: 412,
      code: "OFFSET_MISMATCH",
      expected: 0,
      actual: 1,
    });
    expect((await at('"1"')).status).toBe(201);
    for (const bad of ["1", "*", 'W/"1"', '"1", "2"', '"x"']) {
      expect((await at(bad)).status).toBe(400);
    }
    await make("matched.wide", { partitions: 2 });
    expect((await at('"0"', "matched.wide")).status).toBe(400);
    expect((await at('"0"', "matched.wide", "?partition=1")).status).toBe(201);
    expect((await at('"0"', "matched.wide", "?key=k")).status).toBeOneOf([201, 412]);
  });

  test("a request may ask for more or less durability than its topic has", async () => {
    for (const durability of ["fsync", "os"]) {
      const answer = await post("durable", { body: "v" }, `?durability=${durability}`);
      // In memory nothing is durable, and the answer says so.
      expect([answer.status, answer.json]).toMatchObject([201, { durable: false }]);
    }
    expect((await post("durable", { body: "v" }, "?durability=maybe")).status).toBe(400);
  });

  test("a topic with a content type takes no other", async () => {
    await make("strict", { configs: { "content.type": "application/json" } });
    expect((await post("strict", typed("text/plain", "{}"))).json).toMatchObject({
      status: 415,
      setting: "content.type",
      wanted: "application/json",
    });
    expect((await post("strict", typed("application/json; a=b", "{}"))).status).toBe(201);
    expect((await post("strict", typed("application/x-ndjson", "{}\n[]"))).status).toBe(201);
    expect((await post("strict", typed("application/x-ndjson", "{}\nno"))).status).toBe(400);
    const list = (body: object) =>
      post("strict", typed("application/vnd.xylem.records+json", JSON.stringify(body)));
    expect((await list({ records: [{ value: 1 }, { key: "k", value: null }] })).status).toBe(201);
    expect((await list({ records: [{ value: "a", encoding: "text" }] })).status).toBe(415);
  });

  test("an unknown topic is made on the first append, unless that is switched off", async () => {
    expect((await post("first.append", typed("text/plain", "v"))).status).toBe(201);
    const closed = await HttpDoor.open({ "auto.create.topics.enable": false });
    const answer = await closed.ask("POST", "/v1/topics/none/records", { body: "v" });
    expect([answer.status, answer.json]).toMatchObject([
      404,
      { code: "UNKNOWN_TOPIC_OR_PARTITION" },
    ]);
    await closed.close();
  });
});

describe("GET /v1/topics/{topic}/partitions/{partition}/records", () => {
  beforeAll(async () => {
    const lines = Array.from({ length: 50 }, (_, index) => `{"n":${index}}`).join("\n");
    await post("numbers", typed("application/x-ndjson", lines));
  });
  const offsets = async (query: string) =>
    recordsOf((await get("numbers", query)).json).map(({ offset }) => offset);

  test("reads from every kind of position", async () => {
    expect(await offsets("?limit=2")).toEqual([0, 1]);
    expect(await offsets("?limit=2&offset=40")).toEqual([40, 41]);
    expect(await offsets("?offset=-3")).toEqual([47, 48, 49]);
    expect(await offsets("?offset=latest")).toEqual([]);
    expect(await offsets("?offset=earliest&limit=1")).toEqual([0]);
    expect(await offsets("?offset=@2020-01-01T00:00:00Z&limit=1")).toEqual([0]);
    expect(await offsets("?offset=@2100-01-01&limit=1")).toEqual([]);
  });

  test("stops at the limits, whole records only, and says where to go on", async () => {
    const { headers, json } = await get("numbers", "?offset=10&max-bytes=20");
    expect(json).toMatchObject({
      records: [{ offset: 10 }, { offset: 11 }],
      nextOffset: 12,
      highWatermark: 50,
      lastStable: 50,
      logStart: 0,
      wasReset: false,
    });
    expect([
      headers.get("xylem-next-offset"),
      headers.get("xylem-high-watermark"),
      headers.get("xylem-log-start"),
    ]).toEqual(["12", "50", "0"]);
    expect(await offsets("?offset=10&max-bytes=1")).toEqual([10]);
  });

  test("out of the log is 416 with the valid range, unless it says where to reset", async () => {
    const { json } = await get("numbers", "?offset=51");
    expect(json).toMatchObject({
      status: 416,
      code: "OFFSET_OUT_OF_RANGE",
      logStart: 0,
      highWatermark: 50,
    });
    expect(await offsets("?offset=51&reset=earliest&limit=1")).toEqual([0]);
    expect(await offsets("?offset=50")).toEqual([]);
  });

  test("an unknown topic or partition is 404 and is not made", async () => {
    expect((await get("never")).json).toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    expect((await door.ask("GET", "/v1/topics/numbers/partitions/7/records")).status).toBe(404);
    expect(door.broker.topics.find("never")).toBeUndefined();
  });

  test("comes as JSON, as lines, as text or as sized bytes", async () => {
    const read = (accept: string) => get("numbers", "?limit=2", { accept });
    const lines = await read("application/x-ndjson");
    expect(lines.headers.get("content-type")).toBe("application/x-ndjson");
    expect(
      lines.text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).value),
    ).toEqual([{ n: 0 }, { n: 1 }]);
    expect((await read("text/plain")).text).toBe('{"n":0}\n{"n":1}\n');
    const framed = await read("application/octet-stream;q=0.9, application/json;q=0.1");
    expect(framed.text).toBe('\0\0\0\x07{"n":0}\0\0\0\x07{"n":1}');
    expect((await read("text/html, */*;q=0.1")).headers.get("content-type")).toBe(
      "application/json",
    );
    expect((await read("image/png")).status).toBe(406);
  });

  test("is compressed when it is large and the client takes it", async () => {
    await post("large", typed("application/json", JSON.stringify("x".repeat(50_000))));
    const plain = await get("large", "", { "accept-encoding": "identity" });
    expect(plain.headers.get("content-encoding")).toBe(null);
    for (const coding of ["gzip", "br", "zstd"]) {
      const { headers, text } = await get("large", "", { "accept-encoding": coding });
      expect([headers.get("content-encoding"), headers.get("vary")]).toEqual([
        coding,
        "origin, accept-encoding",
      ]);
      expect(Number(headers.get("content-length"))).toBeLessThan(1_000);
      expect(text).toBe(plain.text);
    }
    const small = await get("numbers", "?limit=1", { "accept-encoding": "gzip" });
    expect(small.headers.get("content-encoding")).toBe(null);
  });

  test("waits for a record to come, and for no longer than it says", async () => {
    const startedMs = performance.now();
    const waiting = get("numbers", "?offset=latest&wait=9s");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await post("numbers", typed("application/x-ndjson", '{"n":50}'));
    expect(recordsOf((await waiting).json)).toMatchObject([{ value: { n: 50 } }]);
    expect(await offsets("?offset=latest&wait=20ms")).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    expect((await get("numbers", "?wait=11s")).json).toMatchObject({
      status: 400,
      detail: expect.stringContaining("http.wait.max.ms"),
    });
  });

  test("a filter picks records by key, header and field", async () => {
    const records = ["a", "b", "ab"].map((key, n) => ({ key, value: { n }, headers: { h: key } }));
    await post("picked", typed("application/vnd.xylem.records+json", JSON.stringify({ records })));
    const keys = async (query: string) =>
      (recordsOf((await get("picked", query)).json) as unknown as { key: string }[]).map(
        ({ key }) => key,
      );
    expect(await keys("?key=b")).toEqual(["b"]);
    expect(await keys("?key-prefix=a")).toEqual(["a", "ab"]);
    expect(await keys("?header.h=ab")).toEqual(["ab"]);
    expect(await keys("?json./n=1")).toEqual(["b"]);
    expect(await keys("?json./n=1&key=a")).toEqual([]);
    expect((await get("picked", "?json.n=1")).status).toBe(400);
    expect((await get("picked", "?key=a&key=b")).status).toBe(400);
  });

  test("has a browser save it under a safe name", async () => {
    const saved = async (name: string) => {
      const query = `?download=${encodeURIComponent(name)}`;
      return (await get("numbers", query)).headers.get("content-disposition");
    };
    expect(await saved("a b.json")).toBe(
      `attachment; filename="a b.json"; filename*=UTF-8''a%20b.json`,
    );
    expect(await saved('../..\\e"vil\r\nx: y.html')).toBe(
      `attachment; filename="e_vilx: y.html"; filename*=UTF-8''e%22vilx%3A%20y.html`,
    );
    expect(await saved("größe")).toBe(
      `attachment; filename="gr__e"; filename*=UTF-8''gr%C3%B6%C3%9Fe`,
    );
    expect(await saved("..")).toContain('filename="record"');
  });
});

describe("GET …/records/{offset}", () => {
  test("a page that somebody stored is no page of this node", async () => {
    const html = "<script>fetch('/v1/topics')</script>";
    const { headers } = await post("pages", typed("text/html", html));
    const answer = await door.ask("GET", headers.get("location")!);
    expect(answer.text).toBe(html);
    expect(answer.headers.get("content-type")).toBe("text/html");
    expect(answer.headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("content-disposition")).toMatch(/^attachment/);
  });

  test("counts until its client has taken it, as pages do", async () => {
    const tight = await HttpDoor.open({ "http.answers.memory.max.bytes": 100_000 });
    const at = "/v1/topics/large/records?key=k";
    await tight.ask("POST", at, typed("text/plain", "x".repeat(100_001)));
    await tight.ask("POST", at.replace("=k", "=l"), typed("text/plain", "x".repeat(1_000)));
    for (const path of ["large/partitions/0/records/0", "large/latest?key=k"]) {
      const { status, json } = await tight.ask("GET", `/v1/topics/${path}`);
      expect([status, json]).toMatchObject([503, { setting: "http.answers.memory.max.bytes" }]);
    }
    expect((await tight.ask("GET", "/v1/topics/large/latest?key=l")).status).toBe(200);
    await tight.close();
  });

  test("no record at the offset is 404 and says what there is", async () => {
    await post("single", typed("text/plain", "v"));
    for (const offset of [1, 2, 9_007_199_254_740_991]) {
      const { json } = await door.ask("GET", `/v1/topics/single/partitions/0/records/${offset}`);
      expect(json).toMatchObject({ status: 404, code: "OFFSET_OUT_OF_RANGE", highWatermark: 1 });
    }
    expect((await door.ask("GET", "/v1/topics/single/partitions/0/records/x")).status).toBe(400);
    expect((await door.ask("GET", "/v1/topics/single/partitions/-1/records/0")).status).toBe(400);
  });
});
