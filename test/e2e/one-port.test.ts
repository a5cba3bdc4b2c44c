import { connect } from "node:net";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { xylem } from "../support/xylem-command.ts";

let broker: Xylem;
const warnings: string[] = [];

beforeAll(async () => {
  const nothing = (): void => {};
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (m: string) => warnings.push(m),
  };
  broker = await Xylem.start({ log: log as never });
});
afterAll(() => broker.close());

/** What comes back for these bytes until the broker closes. */
function exchange(bytes: string, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(broker.port, host, () => socket.write(Buffer.from(bytes, "latin1")));
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const statusFor = (headers: Record<string, string>, path = "/metrics"): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: broker.port, path, headers };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });

test("Kafka and HTTP clients use one port, over IPv4 and IPv6", async () => {
  for (const host of ["127.0.0.1", "[::1]"]) {
    expect((await fetch(`http://${host}:${broker.port}/healthz`)).status).toBe(200);
    expect(await xylem(["ping", "-b", `${host}:${broker.port}`])).toMatchObject({ code: 0 });
  }
});

test("TLS, peers and noise are closed, each with a line that says why", async () => {
  expect(await exchange("\x16\x03\x01\x02\x00")).toContain("\x15\x03");
  expect(await exchange("\x01xylem")).toBe("");
  expect(await exchange("\x07\x07")).toBe("");
  expect(warnings.join("\n")).toMatch(/TLS[^]*nodes[^]*first bytes/);
});

test("a web page can not be turned against it", async () => {
  const own = `127.0.0.1:${broker.port}`;
  expect(await statusFor({ host: own })).toBe(200);
  expect(await statusFor({ host: "rebound.example" })).toBe(403);
  expect(await statusFor({ host: own, origin: "https://evil.example" })).toBe(403);
  expect(await statusFor({ host: own, origin: `http://${own}` })).toBe(200);
  expect(await statusFor({ host: own, origin: "https://evil.example" }, "/healthz")).toBe(200);
});
