import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemClient } from "./xylem-client.ts";

interface Reply {
  readonly status: number;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

let server: Server;
let url: string;
let replies: (Reply | "silence" | "cut")[];
let asked: { url: string; key: string | undefined }[];

beforeEach(async () => {
  replies = [];
  asked = [];
  server = createServer((request, response) => {
    const key = request.headers["idempotency-key"] as string | undefined;
    asked.push({ url: request.url ?? "", key });
    const reply: Reply | "silence" | "cut" = replies.shift() ?? { status: 200, body: {} };
    if (reply === "silence") return;
    if (reply === "cut") {
      request.socket.destroy();
      return;
    }
    const { status, body = {}, headers = {} } = reply;
    response.writeHead(status, { "content-type": "application/problem+json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

test("a node may lie below a path of its own", async () => {
  await new XylemClient(`${url}/base/`).health();
  expect(asked).toMatchObject([{ url: "/base/healthz" }]);
});

test("an append is sent again with the same key until it is answered", async () => {
  replies = ["cut", { status: 503 }, { status: 409, body: { code: "IDEMPOTENCY_KEY_IN_FLIGHT" } }];
  await new XylemClient(url).append("t", { value: 1 });
  const keys = asked.map(({ key }) => key);
  expect([keys.length, new Set(keys).size]).toEqual([4, 1]);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  await new XylemClient(url).append("t", { value: 1 });
  expect(asked.at(-1)?.key).not.toBe(keys[0]);
});

test("what is not safe to send again is not", async () => {
  const client = new XylemClient(url);
  replies = ["cut"];
  await expect(client.append("t", { value: 1 }, { idempotencyKey: false })).rejects.toMatchObject({
    code: "CONNECTION_FAILED",
    status: 0,
  });
  replies = ["cut"];
  await expect(client.topics.delete("t")).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
  expect(asked).toHaveLength(2);
});

test("a refusal is told with all that the problem says, and is not repeated", async () => {
  const problem = { detail: "not you", code: "HOST_REFUSED", retriable: false, more: [1] };
  replies = [{ status: 403, body: problem }];
  await expect(new XylemClient(url).cluster()).rejects.toMatchObject({
    name: "XylemClientError",
    message: "not you",
    status: 403,
    code: "HOST_REFUSED",
    fields: problem,
  });
  expect(asked).toHaveLength(1);
});

test("an answer that is no problem document is an error all the same", async () => {
  replies = [{ status: 502, body: "<html>" }];
  await expect(new XylemClient(url, { retriesMax: 0 }).cluster()).rejects.toMatchObject({
    status: 502,
    retriable: true,
    fields: {},
  });
});

test("a node that asks to be left alone is", async () => {
  replies = [{ status: 429, headers: { "retry-after": "1" } }];
  const startedMs = performance.now();
  await new XylemClient(url).cluster();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990);
});

test("a call ends with its time limit or its signal", async () => {
  replies = ["silence", "silence"];
  const hasty = new XylemClient(url, { timeoutMs: 50, retriesMax: 0 });
  await expect(hasty.health()).rejects.toMatchObject({ code: "REQUEST_TIMED_OUT", status: 0 });
  const stop = new AbortController();
  const call = new XylemClient(url).health(stop.signal);
  stop.abort(new Error("given up"));
  await expect(call).rejects.toThrow("given up");
  await expect(new XylemClient(url).health(stop.signal)).rejects.toThrow("given up");
});
