import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

interface NodeRuntime {
  readonly isNewEnough: (version: string) => boolean;
  readonly fetchedVersion: string;
}
interface Packages {
  readonly holdsAll: (root: string, lockText: string) => boolean;
}
interface SetUpLock {
  readonly withLock: (root: string, work: () => Promise<void>) => Promise<void>;
}

const root = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const { isNewEnough, fetchedVersion } = require("./setup/node-runtime.cjs") as NodeRuntime;
const { holdsAll } = require("./setup/packages.cjs") as Packages;
const { withLock } = require("./setup/set-up-lock.cjs") as SetUpLock;

const { tasks } = require("./setup/tasks.cjs") as {
  readonly tasks: Readonly<Record<string, { readonly tools?: readonly string[] }>>;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "xylem-set-up-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the set-up takes the Nodes that package.json's engines name, and fetches one of them", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  expect(manifest.engines.node).toBe("^22.22.0 || >=24.6.0");
  const good = ["v22.22.0", "v22.23.3", "v24.6.0", "v24.21.0", "v25.0.0", "v26.10.0"];
  const bad = ["v12.22.0", "v20.20.2", "v22.21.9", "v23.11.0", "v24.5.9"];
  expect(good.filter((version) => !isNewEnough(version))).toEqual([]);
  expect(bad.filter((version) => isNewEnough(version))).toEqual([]);
  expect(isNewEnough(fetchedVersion)).toBe(true);
});

test("an unknown task is refused with the list of tasks", () => {
  const outcome = spawnSync(process.execPath, [join(root, "scripts/with-node.cjs"), "fly"]);
  expect(outcome.status).toBe(64);
  expect(outcome.stderr.toString()).toMatch(/unknown task "fly"; there are: start, /);
});

test("`npm run cluster` asks for etcd alone of what tests talk to", () => {
  // Without apt-get nothing is installed: what is missing is said.
  const sayMissing = (task: string): string => {
    const tools = join(root, "scripts/setup/debian-tools.cjs");
    const given = JSON.stringify(tasks[task]?.tools);
    const text = `require(${JSON.stringify(tools)}).installDebianTools(".", ${given})`;
    const env = { ...process.env, PATH: folder };
    return spawnSync(process.execPath, ["-e", text], { env, cwd: folder }).stderr.toString();
  };
  expect(sayMissing("cluster")).toMatch(/^xylem: etcd not found .*\n$/);
  expect(sayMissing("test")).toMatch(/kcat, etcd, chromium.*\n.*consul not found/);
});

const runner = join(root, "scripts/setup/child.cjs");

/** A process that runs `script` through the set-up's runner, as `npm start` runs the broker. */
function runThrough(script: string) {
  const args = `process.execPath, ["-e", ${JSON.stringify(script)}]`;
  const running = `require(${JSON.stringify(runner)}).run(${args})`;
  const text = `${running}.then((code) => process.exit(code))`;
  return spawn(process.execPath, ["-e", text], { stdio: ["ignore", "pipe", "inherit"] });
}

test("the task's exit code becomes the set-up's", async () => {
  const [code] = (await once(runThrough("process.exit(7)"), "exit")) as [number];
  expect(code).toBe(7);
});

test("a task ended by a signal gives 128 and the signal's number", async () => {
  const child = runThrough('process.kill(process.pid, "SIGKILL")');
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(137);
});

test("SIGTERM reaches the task once, however often npm sends it", async () => {
  const child = runThrough(`
    let count = 0;
    process.on("SIGTERM", () => {
      count++;
      setTimeout(() => process.exit(40 + count), 200);
    });
    setTimeout(() => {}, 10000);
    console.log("ready");
  `);
  const ended = once(child, "exit") as Promise<[number]>;
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  // Long enough for the system to deliver two signals and not fold them into one.
  await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill("SIGTERM");
  expect((await ended)[0]).toBe(41);
});

test("the task ends when npm's shell is killed over it", async () => {
  const task = "console.log(process.pid); setInterval(() => {}, 1000)";
  const args = `process.execPath, ["-e", ${JSON.stringify(task)}]`;
  const text = `require(${JSON.stringify(runner)}).run(${args})`;
  const shell = spawn("sh", ["-c", `"$0" -e "$1"; exit $?`, process.execPath, text], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, npm_lifecycle_event: "start" },
  });
  const [printed] = (await once(shell.stdout, "data")) as [Buffer];
  const pid = Number(printed.toString());
  expect(isRunning(pid)).toBe(true);
  shell.kill("SIGTERM");
  await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("packages are complete when npm's record has every version that the lock asks for", () => {
  const lock = (version: string) =>
    JSON.stringify({
      packages: {
        "": { name: "xylem" },
        "node_modules/a": { version },
        "node_modules/b-other-platform": { version: "1.0.0", optional: true },
      },
    });
  expect(holdsAll(folder, lock("1.0.0"))).toBe(false);
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "node_modules/.package-lock.json"), lock("1.0.0"));
  expect(holdsAll(folder, lock("1.0.0"))).toBe(true);
  expect(holdsAll(folder, lock("1.0.1"))).toBe(false);
});

test("two set-ups in one checkout take turns", async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    events.push(`${name} ends`);
  };
  await Promise.all([withLock(folder, work("one")), withLock(folder, work("two"))]);
  expect(events).toEqual(["one begins", "one ends", "two begins", "two ends"]);
});

test("a lock whose holder died is taken over", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  mkdirSync(join(folder, ".cache"));
  writeFileSync(join(folder, ".cache/set-up.pid"), String(dead));
  let done = false;
  await withLock(folder, () => {
    done = true;
    return Promise.resolve();
  });
  expect(done).toBe(true);
});
