import { execFile } from "node:child_process";
import { connect as connectHttp2 } from "node:http2";
import { promisify } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import { afterEach, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { Child } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";

const run = promisify(execFile);
let child: Child | undefined;

afterEach(async () => {
  await child?.end("SIGTERM");
  child = undefined;
});

/** The ready line of `xylem start` in memory with these listeners. */
async function start(listeners: string): Promise<RegExpExecArray> {
  const args = ["start", "--memory", "--port", "0", `--door.listeners=${listeners}`];
  child = new Child(process.execPath, [`${repositoryRoot}/bin/xylem.cjs`, ...args], {});
  return await child.waitForOutput(
    /xylem ready kafka=(\S+) http=(\S+)( grpc=(\S+))? data=/,
    30_000,
  );
}

test("the ready line says where each door is, and each is only there", async () => {
  const [, kafka, http, , grpc] = await start("http=127.0.0.1:0,grpc=127.0.0.1:0");
  expect(new Set([`http://${kafka}`, http, grpc]).size).toBe(3);
  expect((await fetch(`${http}/healthz`)).status).toBe(200);
  await expect(fetch(`http://${kafka}/healthz`)).rejects.toThrow("fetch failed");
  expect((await fetch(`http://${grpc}/healthz`)).status).toBe(404);
  const [http2grpc, http2http] = await Promise.all([ping(`http://${grpc}`), ping(http)]);
  expect([http2grpc, http2http]).toEqual(['{"message":"pong"}', 404]);
});

test("a listener of gRPC alone takes no WebSockets", async () => {
  const [, , http, , grpc] = await start("grpc=127.0.0.1:0");
  const upgrade = (url: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${url}/v1/socket`);
      socket.onopen = () => {
        socket.close();
        resolve("open");
      };
      socket.onerror = () => resolve("refused");
    });
  const places = [http?.replace("http:", "ws:") ?? "", `ws://${grpc}`];
  expect(await Promise.all(places.map(upgrade))).toEqual(["open", "refused"]);
});

/** What Connect's JSON form of EchoService.Ping answers there. */
async function ping(url = ""): Promise<string | number> {
  const headers = { "content-type": "application/json" };
  const path = "/xylem.v1.EchoService/Ping";
  const answer = await fetch(url + path, { method: "POST", headers, body: "{}" });
  return answer.ok ? await answer.text() : answer.status;
}

test("a Kafka client on a listener of its own is told the address it came in on", async () => {
  const [, kafka = ""] = await start("kafka=127.0.0.1:0");
  const client = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const { brokers } = await admin.describeCluster();
  expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([kafka]);
  await admin.disconnect();
});

test("a door that is off is named so, and nobody answers for it", async () => {
  const [, kafka, http, , grpc] = await start("http+grpc=off");
  expect([http, grpc]).toEqual(["off", undefined]);
  await expect(fetch(`http://${kafka}/healthz`)).rejects.toThrow("fetch failed");
});

test("what can not be is refused at the start, by name", async () => {
  const args = ["start", "--memory", "--door.listeners=http=0.0.0.0:0"];
  const refused = run(process.execPath, [`${repositoryRoot}/bin/xylem.cjs`, ...args]);
  await expect(refused).rejects.toThrow(/0\.0\.0\.0 can be reached/);
});

test("HTTP/2 without TLS carries what HTTP/1.1 does, behind the same guard", async () => {
  await using broker = await Xylem.start();
  const session = connectHttp2(broker.url);
  const get = (headers: Record<string, string>): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":path": "/metrics", ...headers });
      let status = "";
      stream.on("response", (answer) => (status = String(answer[":status"])));
      stream.on("error", reject);
      stream.resume().on("end", () => resolve(status));
    });
  expect(await get({})).toBe("200");
  expect(await get({ ":authority": "rebound.example" })).toBe("403");
  expect(await get({ origin: "https://evil.example" })).toBe("403");
  const told = new Promise((resolve) => session.once("goaway", resolve));
  await broker.close();
  expect(await told).toBe(0);
});
