import { Command } from "commander";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DnsServer } from "../../test/support/dns-server.ts";
import { findFreePort } from "../../test/support/free-port.ts";
import { bootstrapOption } from "./arguments.ts";
import { exitCodes } from "./exit-codes.ts";
import { findBootstrap } from "./find-bootstrap.ts";
import { makeProgram } from "./program.ts";

const name = "_xylem._tcp.example.test";
const target = "node.example.test";
let dns: DnsServer;
let server: Server;

beforeEach(async () => {
  dns = await DnsServer.open();
  dns.setHost(target, "127.0.0.1");
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  dns.close();
  server.close();
});

/** What a command takes for its `--bootstrap`. */
async function bootstrapOf(text: string): Promise<unknown> {
  const command = new Command("read").addOption(bootstrapOption());
  command.parse(["--bootstrap", text], { from: "user" });
  await findBootstrap(command, [dns.address]);
  return command.opts()["bootstrap"];
}

test("nodes come by priority, behind the first that takes a connection", async () => {
  const { port } = server.address() as AddressInfo;
  const closed = await findFreePort();
  const last = await findFreePort();
  dns.setSrv(name, [
    { target, port: last, priority: 3 },
    { target, port, priority: 2 },
    { target, port: closed, priority: 1 },
  ]);
  const nodes = [port, closed, last].map((one) => `127.0.0.1:${one}`).join(",");
  expect(await bootstrapOf(`srv://${name}`)).toBe(nodes);
});

test("when none takes a connection, all are left in their order", async () => {
  const ports = [await findFreePort(), await findFreePort()];
  dns.setSrv(
    name,
    ports.map((port, priority) => ({ target, port, priority })),
  );
  const nodes = ports.map((port) => `127.0.0.1:${port}`).join(",");
  expect(await bootstrapOf(`srv://${name}`)).toBe(nodes);
});

test("a name without records fails as a node that is not reached", async () => {
  await expect(bootstrapOf(`srv://${name}`)).rejects.toMatchObject({
    message: `DNS has no SRV records of ${name}`,
    exitCode: exitCodes.unreachable,
  });
});

test("every command looks it up before it runs", async () => {
  const words = ["topic", "list", "--bootstrap", "srv://two..dots"];
  const running = makeProgram("1.0.0").parseAsync(words, { from: "user" });
  await expect(running).rejects.toThrow("two..dots is no name in DNS");
});

test("both ends of a mirror may be names", async () => {
  const words = ["mirror", "--all", "--from", "127.0.0.1:1", "--to", "srv://two..dots"];
  const to = makeProgram("1.0.0").parseAsync(words, { from: "user" });
  await expect(to).rejects.toThrow("two..dots is no name in DNS");
  const from = makeProgram("1.0.0").parseAsync(["mirror", "--all", "--from", "srv://a..b"], {
    from: "user",
  });
  await expect(from).rejects.toThrow("a..b is no name in DNS");
});

test("any other place is left as it is", async () => {
  expect(await bootstrapOf("one:9092,two:9092")).toBe("one:9092,two:9092");
});
