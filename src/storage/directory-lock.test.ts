import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askHolder, lockDirectory } from "./directory-lock.ts";

let root = "";
const onStop = (): void => undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "xylem-lock-"));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Leaves a bound socket behind, as a killed process does. */
async function leaveStaleSocket(directory: string): Promise<void> {
  const path = join(directory, "xylem.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)},
    () => process.stdout.write("bound"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("directory lock", () => {
  test("a second holder is refused and told the first one's process id", async () => {
    const lock = await lockDirectory(root, { onStop });
    await expect(lockDirectory(root, { onStop })).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
  });

  test("only this user's processes may connect to it", async () => {
    const lock = await lockDirectory(root, { onStop });
    expect((await stat(join(root, "xylem.sock"))).mode & 0o777).toBe(0o600);
    await lock.release();
  });

  test("once released it leaves nothing behind and can be taken again", async () => {
    const lock = await lockDirectory(root, { onStop });
    await lock.release();
    await lock.release();
    expect(await readdir(root)).toEqual([]);
    const again = await lockDirectory(root, { onStop });
    await again.release();
  });

  test("the lock of a killed process is taken over", async () => {
    await leaveStaleSocket(root);
    expect(await readdir(root)).toEqual(["xylem.sock"]);
    const lock = await lockDirectory(root, { onStop });
    expect(await askHolder(root, "ping")).toBe(`pong ${process.pid}`);
    expect(await readdir(root)).toEqual(["xylem.sock"]);
    await lock.release();
  });

  test("the lock of a killed process is taken over where no byte can be written", async () => {
    await leaveStaleSocket(root);
    const module = JSON.stringify(new URL("directory-lock.ts", import.meta.url).href);
    const script = `import { lockDirectory } from ${module};
      await lockDirectory(${JSON.stringify(root)}, { onStop() {} });
      console.log("locked");`;
    // A limit of 0 on what files may hold stands for a full disk.
    const shell = `trap '' XFSZ; ulimit -f 0; exec "$0" --input-type=module -e "$1"`;
    const child = spawn("sh", ["-c", shell, process.execPath, script]);
    let said = "";
    for (const output of [child.stdout, child.stderr]) output.on("data", (text) => (said += text));
    await once(child, "close");
    expect(said).toBe("locked\n");
  });

  test("a takeover that was killed half way does not keep others out", async () => {
    for (const madeMs of [Date.now() - 60_000, Date.now() + 3_600_000]) {
      await leaveStaleSocket(root);
      const claim = join(root, "xylem.sock.takeover");
      await writeFile(claim, "");
      await utimes(claim, madeMs / 1_000, madeMs / 1_000);
      const lock = await lockDirectory(root, { onStop });
      await lock.release();
      expect(await readdir(root)).toEqual([]);
    }
  });

  test("a holder whose new socket was replaced gives up and leaves the other be", async () => {
    const path = join(root, "xylem.sock");
    // A takeover by somebody else is under way, who is about to remove the socket found here.
    await writeFile(`${path}.takeover`, "");
    const outcome = lockDirectory(root, { onStop }).then(
      () => "locked",
      (error: Error) => error.message,
    );
    await expect.poll(() => readdir(root)).toContain("xylem.sock");
    await rm(path);
    const other = createServer((socket) => socket.resume().end("pong 4242\n"));
    other.listen(path);
    await once(other, "listening");
    await rm(`${path}.takeover`);
    expect(await outcome).toContain("is in use by process 4242");
    expect(await askHolder(root, "ping")).toBe("pong 4242");
    expect(await readdir(root)).toEqual(["xylem.sock"]);
    other.close();
    await once(other, "close");
  });

  test("of many that take over a stale lock at once one gets it", async () => {
    await leaveStaleSocket(root);
    const tries = Array.from({ length: 8 }, () => lockDirectory(root, { onStop }));
    const results = await Promise.allSettled(tries);
    const held = results.filter((result) => result.status === "fulfilled");
    expect(held.length).toBe(1);
    await held[0]?.value.release();
  });

  test("a stop reaches the holder, a ping of a free directory finds nobody", async () => {
    let stops = 0;
    const lock = await lockDirectory(root, { onStop: () => (stops += 1) });
    expect(await askHolder(root, "stop")).toBe(`stopping ${process.pid}`);
    expect(stops).toBe(1);
    await lock.release();
    expect(await askHolder(root, "ping")).toBeUndefined();
    expect(await askHolder(join(root, "absent"), "ping")).toBeUndefined();
  });

  test("a directory whose path is longer than a socket's may be is locked too", async () => {
    const deep = join(root, "d".repeat(120), "e".repeat(60));
    await mkdir(deep, { recursive: true });
    const lock = await lockDirectory(deep, { onStop });
    await expect(lockDirectory(deep, { onStop })).rejects.toThrow("in use");
    expect(await askHolder(deep, "ping")).toBe(`pong ${process.pid}`);
    await lock.release();
    expect(await askHolder(deep, "ping")).toBeUndefined();
  });
});
