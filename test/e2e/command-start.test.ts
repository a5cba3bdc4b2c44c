import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Child } from "../support/child-process.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { type StartedNode, startNode, xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("start");
const running: Child[] = [];

async function start(args: readonly string[], env = {}): Promise<StartedNode> {
  const node = await startNode(args, { cwd: folder, env });
  running.push(node.child);
  return node;
}

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
});

describe("xylem start", () => {
  test("without settings it serves from ./data and prints the one ready line", async () => {
    const node = await start(["start", "--port", "0"]);
    expect(node.readyLine).toMatch(
      /^xylem ready kafka=127\.0\.0\.1:(\d+) http=http:\/\/127\.0\.0\.1:\1 data=\.\/data$/,
    );
    expect(node.child.stdout).toBe(`${node.readyLine}\n`);
    expect((await fetch(`http://${node.bootstrap}/readyz`)).status).toBe(200);
  });

  test("start is what xylem alone does", async () => {
    const node = await start(["--port=0", "--memory"]);
    expect(node.readyLine).toContain("data=memory");
  });

  test("--print-url prints the address alone", async () => {
    const { child, readyLine } = await startPrinting("--print-url");
    expect(readyLine).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await child.end("SIGTERM")).toBe(0);
  });

  test("--json prints where each door is, for programs", async () => {
    const { child, readyLine } = await startPrinting("--json");
    const { kafka, http, data } = JSON.parse(readyLine) as Record<string, string>;
    expect([http, data]).toEqual([`http://${kafka}`, "memory"]);
    expect(await child.end("SIGTERM")).toBe(0);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s stops it in good order: exit 0", async (signal) => {
    const node = await start(["--port=0", "--data", join(folder, signal)]);
    expect(await node.child.end(signal)).toBe(0);
    expect(node.child.stderr).toContain("stopped");
  });

  test("a second signal forces the end while a client keeps it busy", async () => {
    const node = await start(["--port=0", "--memory", "--shutdown.grace.ms=60000"]);
    const [host = "", port = ""] = node.bootstrap.split(":");
    const client = connect(Number(port), host);
    client.on("error", () => {});
    client.write("GET /healthz HTTP/1.1\r\n");
    // Who is answered later than it connected knows that the node has it too.
    const health = `http://${node.bootstrap}/healthz`;
    await fetch(health, { headers: { connection: "close" } });
    process.kill(node.child.pid, "SIGTERM");
    await node.child.waitForOutput(/stopping/, 60_000);
    process.kill(node.child.pid, "SIGTERM");
    expect((await node.child.outcome(60_000)).code).toBe(130);
    client.destroy();
  });

  test("a second node on the directory is refused, naming the holder: exit 4", async () => {
    const data = join(folder, "held");
    const node = await start(["--port=0", "--data", data]);
    const refused = await xylem(["start", "--port=0", "--data", data]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(String(node.child.pid));
  });

  test("a taken port is named: exit 1, and the directory is free again", async () => {
    const node = await start(["--port=0", "--memory"]);
    const port = node.bootstrap.split(":")[1] ?? "";
    const data = join(folder, "free");
    const refused = await xylem(["start", "--port", port, "--data", data]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`port ${port} `)]);
    await start(["start", "--port=0", "--data", data]);
  });

  test("it does not listen beyond this machine unless told to mean it", async () => {
    const refused = await xylem(["start", "--port=0", "--memory", "--host=0.0.0.0"]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("--insecure")]);
  });
});

async function startPrinting(how: string): Promise<{ child: Child; readyLine: string }> {
  const { Child } = await import("../support/child-process.ts");
  const { xylemProgram } = await import("../support/xylem-command.ts");
  const args = [xylemProgram, "start", "--memory", "--port", "0", how];
  const child = new Child(process.execPath, args);
  running.push(child);
  return { child, readyLine: await child.nextLine(60_000) };
}

describe("xylem ping and xylem stop", () => {
  test("they find the node by its data directory", async () => {
    const data = join(folder, "pinged");
    const node = await start(["--port=0", "--data", data]);
    const ping = await xylem(["ping", "--data", data]);
    expect([ping.code, ping.stdout]).toEqual([0, `pong ${node.child.pid}\n`]);
    const stop = await xylem(["stop", "--data", data]);
    expect([stop.code, stop.stdout]).toEqual([0, "stopped\n"]);
    expect((await node.child.outcome(60_000)).code).toBe(0);
  });

  test("a paused node is told to be silent; it stops once it runs again", async () => {
    const data = join(folder, "paused");
    const node = await start(["--port=0", "--data", data]);
    process.kill(node.child.pid, "SIGSTOP");
    const stop = await xylem(["stop", "--data", data, "--timeout", "1s"]);
    const line = `xylem: the node on ${data} does not answer\n`;
    expect([stop.code, stop.stderr]).toEqual([1, line]);
    process.kill(node.child.pid, "SIGCONT");
    expect((await node.child.outcome(60_000)).code).toBe(0);
  });

  test.each(["ping", "stop"])("%s says so when nothing runs: exit 3", async (command) => {
    const data = join(folder, "nobody");
    mkdirSync(data, { recursive: true });
    const outcome = await xylem([command, "--data", data]);
    expect([outcome.code, outcome.stderr]).toEqual([3, `xylem: no node runs on ${data}\n`]);
  });
});

describe("settings", () => {
  const partitionsOf = async (node: StartedNode): Promise<string> => {
    const topic = ["topic", "create", "t", "-b", node.bootstrap];
    expect(await xylem(topic)).toMatchObject({ code: 0 });
    const listed = await xylem(["topic", "list", "--json", "-b", node.bootstrap]);
    return listed.stdout;
  };

  test("a flag takes effect", async () => {
    const node = await start(["--port=0", "--memory", "--num.partitions=3"]);
    expect(await partitionsOf(node)).toContain('"partitions":3');
  });

  test("a variable takes effect, a flag wins over it", async () => {
    const env = { XYLEM_NUM_PARTITIONS: "4", XYLEM_PORT: "1" };
    const node = await start(["--port=0", "--memory"], env);
    expect(await partitionsOf(node)).toContain('"partitions":4');
  });

  test("a file takes effect, a variable wins over it", async () => {
    const file = join(folder, "settings.yaml");
    writeFileSync(file, "num.partitions: 5\nport: 1\nmemory: true\n");
    const node = await start(["--config", file], { XYLEM_PORT: "0" });
    expect(await partitionsOf(node)).toContain('"partitions":5');
  });

  test("an unknown flag stops the start and is named with the likely one: exit 2", async () => {
    const refused = await xylem(["start", "--num.partitons=3"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toBe(
      "xylem: Unknown setting num.partitons in the command line; did you mean num.partitions?\n",
    );
  });

  test.each([
    { given: "a flag", args: ["--port=99999"], env: {}, names: "port" },
    { given: "a variable", args: [], env: { XYLEM_LOG_LEVEL: "loud" }, names: "log.level" },
    { given: "an unknown variable", args: [], env: { XYLEM_PROT: "1" }, names: "XYLEM_PROT" },
  ])("a bad value of $given stops the start and is named: exit 2", async ({ args, env, names }) => {
    const refused = await xylem(["start", ...args], { env });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(names)]);
  });

  test("config check reads the file without starting", async () => {
    const file = join(folder, "checked.yaml");
    writeFileSync(file, "log:\n  retention:\n    ms: 60000\n");
    const good = await xylem(["config", "check", "--config", file]);
    expect([good.code, good.stdout]).toEqual([0, expect.stringContaining("log.retention.ms")]);
    writeFileSync(file, "log.retenton.ms: 1\n");
    const bad = await xylem(["config", "check", "--config", file]);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("log.retention.ms")]);
  });
});

test("--help shows examples and exit codes, --version the version", async () => {
  const help = await xylem(["--help"]);
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("Exit codes:")]);
  const produce = await xylem(["produce", "--help"]);
  expect(produce.stdout).toContain("Examples:");
  expect((await xylem(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  removeFolder(folder);
});
