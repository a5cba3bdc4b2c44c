import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { ErrorInfoSchema } from "../../src/servers/grpc/generated/google/rpc/error_details_pb.ts";
import { EchoService } from "../../src/servers/grpc/generated/xylem/v1/echo_pb.ts";
import { LogService } from "../../src/servers/grpc/generated/xylem/v1/log_pb.ts";
import { run } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";

let broker: Xylem;
const page = "https://ui.example";

beforeAll(async () => {
  const settings = { "http.cors.origins": [page], "grpc.message.max.bytes": 100_000 };
  broker = await Xylem.start({ settings });
  await broker.topic("t", { partitions: 1 });
});

afterAll(() => broker.close());

const transports: readonly [string, (baseUrl: string) => Transport][] = [
  ["gRPC over HTTP/2", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
  [
    "Connect in JSON",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
];

describe.each(transports)("%s", (_name, open) => {
  test("calls are answered", async () => {
    const echo = createClient(EchoService, open(broker.url));
    expect((await echo.ping({})).message).toBe("pong");
    expect((await echo.echo({ text: "é🌲" })).text).toBe("é🌲");
  });

  test("an error has its status, its text and the catalogue's name", async () => {
    const log = createClient(LogService, open(broker.url));
    const ask = { topic: "t", position: { at: { case: "offset", value: 99n } } } as const;
    const error = await log.read(ask).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    const { code, rawMessage } = error as ConnectError;
    expect([code, rawMessage]).toEqual([Code.OutOfRange, expect.stringContaining("asked for 99")]);
    expect((error as ConnectError).findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "OFFSET_OUT_OF_RANGE", domain: "xylem", metadata: { retriable: "false" } },
    ]);
  });

  test("a message past grpc.message.max.bytes is refused, the next one is not", async () => {
    const echo = createClient(EchoService, open(broker.url));
    const tooLong = echo.echo({ text: "x".repeat(2_000_000) });
    await expect(tooLong).rejects.toMatchObject({ code: Code.ResourceExhausted });
    expect((await echo.echo({ text: "y" })).text).toBe("y");
  });

  test("a call past its deadline ends", async () => {
    const log = createClient(LogService, open(broker.url));
    const call = log.read({ topic: "t", waitMs: 30_000 }, { timeoutMs: 40 });
    const outcome = await call.then(
      () => "answered",
      (error: unknown) => (error as ConnectError).code,
    );
    expect(["answered", Code.DeadlineExceeded]).toContain(outcome);
  });
});

/** What curl prints for this, with the status on a line of its own. */
async function curl(args: readonly string[]): Promise<{ status: number; text: string }> {
  const told = ["-s", "-S", "-m", "20", "-w", "\n%{http_code}", ...args];
  const { stdout, stderr } = await run("curl", told);
  const lines = stdout.split("\n");
  const status = Number(lines.pop());
  expect(stderr).toBe("");
  return { status, text: lines.join("\n") };
}

describe.each(["--http1.1", "--http2-prior-knowledge"])("curl %s", (version) => {
  const post = (path: string, body: string, more: readonly string[] = []) =>
    curl([
      version,
      "-HContent-Type: application/json",
      `-d${body}`,
      ...more,
      `${broker.url}${path}`,
    ]);

  test("calls a service in plain JSON", async () => {
    const append = "/xylem.v1.LogService/Append";
    const value = Buffer.from("curled").toString("base64");
    const appended = await post(append, JSON.stringify({ topic: "c", records: [{ value }] }));
    expect(appended.status).toBe(200);
    const { ranges } = JSON.parse(appended.text) as { ranges: { offset: string }[] };
    expect(ranges).toMatchObject([
      { partition: 0, offset: expect.stringMatching(/^\d+$/) as string, count: 1 },
    ]);
    const { offset } = ranges[0] ?? {};
    const ask = { topic: "c", position: { offset } };
    const read = await post("/xylem.v1.LogService/Read", JSON.stringify(ask));
    expect(JSON.parse(read.text)).toMatchObject({ records: [{ value }] });
  });

  test("is told errors as JSON", async () => {
    const answer = await post("/xylem.v1.LogService/Read", '{"topic":"none"}');
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([404, { code: "not_found" }]);
    expect((await post("/xylem.v1.EchoService/Nothing", "{}")).status).toBe(404);
    expect((await post("/xylem.v1.EchoService/Echo", '{"text":1}')).status).toBe(400);
    expect((await post("/xylem.v1.EchoService/Echo", "{")).status).toBe(400);
  });

  test("reaches REST on the same port", async () => {
    const { status, text } = await curl([version, `${broker.url}/v1/topics/t`]);
    expect([status, JSON.parse(text)]).toMatchObject([200, { name: "t" }]);
    const value = "over either version";
    const type = ["-H", "content-type: text/plain", "-d", value];
    const posted = await curl([version, ...type, `${broker.url}/v1/topics/rest/records`]);
    expect(posted.status).toBe(201);
  });

  test("is answered 400 for a Host that is no address, and the node lives on", async () => {
    const ping = "/xylem.v1.EchoService/Ping";
    expect((await post(ping, "{}", ["-H", "host: localhost:99999"])).status).toBe(400);
    expect((await post(ping, "{}")).status).toBe(200);
  });

  test("is kept out where a foreign page sends it, or under a rebound name", async () => {
    const ping = "/xylem.v1.EchoService/Ping";
    const from = (origin: string) => post(ping, "{}", ["-H", `origin: ${origin}`]);
    expect((await from("https://evil.example")).status).toBe(403);
    expect((await from(page)).status).toBe(200);
    expect((await post(ping, "{}", ["-H", "host: rebound.example"])).status).toBe(403);
  });
});

test("a refusal over HTTP/2 waits for the rest of its request, not for ever", async () => {
  const session = connect(broker.url);
  await once(session, "remoteSettings");
  const ask = (): { stream: ClientHttp2Stream; status: Promise<unknown> } => {
    const path = "/xylem.v1.EchoService/Ping";
    const authority = { ":authority": "localhost:99999" };
    const stream = session.request({ ":method": "POST", ":path": path, ...authority });
    const status = once(stream, "response").then(([headers]): unknown => headers[":status"]);
    return { stream, status };
  };
  const { stream, status } = ask();
  stream.write("{");
  const early = await Promise.race([status, sleep(150)]);
  expect(early).toBeUndefined();
  stream.end("}");
  expect(await status).toBe(400);
  const open = ask();
  expect(await open.status).toBe(400);
  open.stream.close();
  session.close();
});

test("a listed page may use gRPC-Web: the preflight names its headers", async () => {
  const answer = await fetch(`${broker.url}/xylem.v1.EchoService/Ping`, {
    method: "OPTIONS",
    headers: {
      origin: page,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-grpc-web,connect-protocol-version",
    },
  });
  expect(answer.status).toBe(204);
  const allowed = answer.headers.get("access-control-allow-headers") ?? "";
  for (const name of ["content-type", "x-grpc-web", "connect-protocol-version", "grpc-timeout"]) {
    expect(allowed).toContain(name);
  }
  expect(answer.headers.get("access-control-allow-origin")).toBe(page);
});

test.each(["1.1", "2"] as const)(
  "what calls over HTTP/%s hold is let go when they are over",
  async (httpVersion) => {
    const transport = createConnectTransport({ baseUrl: broker.url, httpVersion });
    const log = createClient(LogService, transport);
    const value = new Uint8Array(50_000);
    await log.append({ topic: "held", records: [{ value, headers: [] }] });
    await Promise.all(Array.from({ length: 50 }, () => log.read({ topic: "held" })));
    await log.read({ topic: "none" }).catch(() => undefined);
    const metrics = async () => await (await fetch(`${broker.url}/metrics`)).text();
    expect(await metrics()).toMatch(/^xylem_grpc_calls_total [1-9]/m);
    const held = async () => /^xylem_grpc_held_bytes (\d+)$/m.exec(await metrics())?.[1];
    await expect.poll(held, { timeout: 20_000 }).toBe("0");
  },
);

test("a listed page may read the status of gRPC-Web calls", async () => {
  const answer = await fetch(`${broker.url}/xylem.v1.EchoService/Ping`, {
    method: "POST",
    headers: { origin: page, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: new Uint8Array(5),
  });
  expect(answer.headers.get("access-control-expose-headers")).toContain("grpc-status");
});

test("reflection lists the services and describes calls, in both versions", async () => {
  const buf = (args: readonly string[]) =>
    run(`${repositoryRoot}/node_modules/.bin/buf`, [
      "curl",
      "--protocol=grpc",
      "--http2-prior-knowledge",
      ...args,
    ]);
  for (const version of ["grpc-v1", "grpc-v1alpha"]) {
    const told = ["--reflect-protocol", version];
    const listed = await buf([...told, "--list-services", broker.url]);
    expect(listed.stdout.trim().split("\n")).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "xylem.v1.AdminService",
      "xylem.v1.EchoService",
      "xylem.v1.GroupService",
      "xylem.v1.LogService",
    ]);
    const url = `${broker.url}/xylem.v1.EchoService/Echo`;
    const called = await buf([...told, "-d", '{"text":"reflected"}', url]);
    expect([called.stderr, JSON.parse(called.stdout)]).toEqual(["", { text: "reflected" }]);
  }
});
