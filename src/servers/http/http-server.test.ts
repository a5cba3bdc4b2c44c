import { connect } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HttpDoor } from "../../../test/support/http-door.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";

let door: HttpDoor;

beforeEach(async () => {
  door = await HttpDoor.open({}, { origins: ["https://ui.example"] });
});

afterEach(() => door.close());

const ask = (path: string, options: RequestInit = {}): Promise<Response> =>
  fetch(`${door.url}${path}`, options);

/** Sends raw bytes and answers all that comes back until the node closes. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(door.port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => (answer += String(chunk)));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("a serving node answers health and readiness with its identity", async () => {
  const health = await ask("/healthz");
  expect([health.status, (await ask("/readyz")).status]).toEqual([200, 200]);
  expect(await health.json()).toEqual({
    status: "ok",
    nodeId: 1,
    clusterId: door.broker.identity.clusterId,
  });
});

test("a stopping node is healthy and not ready", async () => {
  door.isReady = false;
  const [health, ready] = [await ask("/healthz"), await ask("/readyz")];
  expect([health.status, ready.status]).toEqual([200, 503]);
  expect(await ready.json()).toMatchObject({ reason: "this node is stopping" });
});

test("a scrape shows the node's numbers, twice alike", async () => {
  for (const scrape of [1, 2]) {
    const page = await (await ask("/metrics")).text();
    expect(page, `scrape ${scrape}`).toContain('xylem_topics{kind="own"} 3');
    expect(page).toContain("nodejs_eventloop_lag_seconds");
  }
});

test("an unknown path is a problem document", async () => {
  const response = await ask("/v1/nothing?x=1");
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({
    status: 404,
    detail: "Nothing is at /v1/nothing.",
  });
});

test("another method is refused and told the right ones", async () => {
  const response = await ask("/healthz", { method: "POST", body: "x" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("a rebound host name is refused with 403", async () => {
  const answer = await exchange(
    "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
  );
  expect(answer).toMatch(/^HTTP\/1.1 403 /);
});

test("a foreign page reads no metrics, a listed one does", async () => {
  const origins = ["https://evil.example", "https://ui.example"];
  const statuses = await Promise.all(
    origins.map(async (origin) => (await ask("/metrics", { headers: { origin } })).status),
  );
  expect(statuses).toEqual([403, 200]);
});

test("a listed page's browser is told that it may read the answer, others' are not", async () => {
  const told = async (origin: string): Promise<(string | null)[]> => {
    const { headers } = await ask("/healthz", { headers: { origin } });
    return [headers.get("access-control-allow-origin"), headers.get("vary")];
  };
  expect(await told("https://ui.example")).toEqual(["https://ui.example", "origin"]);
  expect(await told("https://evil.example")).toEqual([null, "origin"]);
});

test("a listed page may ask for what no form could send, others may not", async () => {
  const preflight = (origin: string) =>
    ask("/v1/topics/t/records", {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, idempotency-key, if-match",
      },
    });
  const { status, headers } = await preflight("https://ui.example");
  expect([status, headers.get("access-control-allow-origin")]).toEqual([204, "https://ui.example"]);
  expect(headers.get("access-control-allow-methods")).toContain("POST");
  expect(headers.get("access-control-allow-headers")).toMatch(/idempotency-key.*if-match/);
  const refused = await preflight("https://evil.example");
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

test("a foreign page writes nothing and reads no record, a listed one does both", async () => {
  const from = async (origin: string): Promise<number[]> => {
    const headers = { origin, "content-type": "text/plain" };
    const written = await ask("/v1/topics/t/records", { method: "POST", headers, body: "x" });
    const read = await ask("/v1/topics/t/partitions/0/records", { headers: { origin } });
    return [written.status, read.status];
  };
  expect(await from("https://ui.example")).toEqual([201, 200]);
  expect(await from("https://evil.example")).toEqual([403, 403]);
  expect(await from("null")).toEqual([403, 403]);
  expect(door.broker.topics.find("t")?.partitions[0]?.end).toBe(1);
});

test("bytes that are no HTTP get 400 and the connection ends", async () => {
  const answer = await exchange("GET nonsense\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 400 (.+\r\n)*content-type: application\/problem\+json\r\n/);
  expect(JSON.parse(answer.slice(answer.indexOf("{")))).toMatchObject({ code: "INVALID_REQUEST" });
});

test("an upgrade is refused where there is no socket", async () => {
  const answer = await exchange(
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  expect(answer).toMatch(/^HTTP\/1.1 404 /);
});

test("an offer of HTTP/2, as Java's client and curl make it, is passed over", async () => {
  const answer = await exchange(
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n" +
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
  );
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
});

test("who asks on and on without reading an answer is cut off, others are not", async () => {
  await door.close();
  door = await HttpDoor.open({ "queued.max.requests": 5, "http.wait.max.ms": 60_000 });
  await ask("/v1/topics/t/records", { method: "POST", body: "x" });
  const wait = "/v1/topics/t/partitions/0/records?offset=latest&wait=60s";
  const request = `GET ${wait} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  expect(await exchange(request.repeat(6))).toBe("");
  const five = exchange(request.repeat(5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await ask("/v1/topics/t/records", { method: "POST", body: "y" });
  await door.http.close(200);
  expect((await five).match(/HTTP\/1\.1 200/g)).toHaveLength(5);
});

test("requests of one connection are answered in their order", async () => {
  const paths = ["/v1/topics/none", "/healthz", "/v1/cluster", "/nothing"];
  const asked = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`);
  const answer = await exchange(`${asked.join("\r\n")}Connection: close\r\n\r\n`);
  expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([404, 200, 200, 404].map((n) => `HTTP/1.1 ${n}`));
});

test("closing ends idle connections at once", async () => {
  const socket = connect(door.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  await door.http.close(60_000);
  await closed;
  expect(door.http.connectionCount).toBe(0);
});

test("closing answers who waits for records, and ends the connection with that", async () => {
  const json = { "content-type": "application/json" };
  const made = await ask("/v1/topics/orders", { method: "PUT", headers: json, body: "{}" });
  expect(made.status).toBe(201);
  const path = "/v1/topics/orders/partitions/0/records?offset=0&wait=60s";
  const answer = exchange(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await waitUntil("the read is under way", () => door.http.requestCount === 2);
  await door.http.close(600_000);
  expect(await answer).toMatch(/^HTTP\/1.1 200 OK\r\n(.+\r\n)*connection: close\r\n/i);
});

test("the bounds of a request are settings", async () => {
  const tight = await HttpDoor.open({
    "http.header.max.bytes": 2_000,
    "http.body.discarded.max.bytes": 10,
  });
  const long = { "x-long": "x".repeat(3_000) };
  expect((await door.ask("GET", "/healthz", { headers: long })).status).toBe(200);
  const refused = await tight.ask("GET", "/healthz", { headers: long });
  expect(refused.status).toBe(431);
  expect(refused.json).toMatchObject({ code: "INVALID_REQUEST", status: 431 });
  await tight.close();
});

test("each request has an id: its client's, or one of the node's", async () => {
  const idOf = async (id?: string): Promise<string | null> => {
    const headers: Record<string, string> = id === undefined ? {} : { "x-request-id": id };
    return (await door.ask("GET", "/healthz", { headers })).headers.get("x-request-id");
  };
  expect(await idOf("of-a-proxy/7")).toBe("of-a-proxy/7");
  const own = [await idOf(), await idOf("two words"), await idOf("x".repeat(129))];
  expect(new Set(own).size).toBe(3);
  for (const id of own) expect(id).toMatch(/^[\w-]{8}-\d+$/);
});
