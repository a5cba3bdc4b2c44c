import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { diskContract } from "../../test/contracts/disk.contract.ts";
import { FilesDisk, makeRoot } from "./files-disk.ts";

let base = "";
let count = 0;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "xylem-disk-"));
});

afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

diskContract("files", async () => {
  count += 1;
  const root = join(base, "deep", String(count));
  await makeRoot(root);
  return new FilesDisk(root);
});

test.runIf(process.platform === "linux")(
  "a root that can not be made is an error at once",
  async () => {
    await expect(makeRoot("/proc/nowhere/deep")).rejects.toThrow("making /proc/nowhere/deep");
  },
);

test("a root is made where another process makes it too", async () => {
  const root = join(base, "shared", "by", "two");
  await Promise.all([makeRoot(root), makeRoot(root)]);
  expect(await new FilesDisk(root).list(".")).toEqual([]);
});

test("a directory is synced as soon as a descriptor is left for it", async () => {
  const root = join(base, "scarce");
  await makeRoot(root);
  const module = JSON.stringify(new URL("files-disk.ts", import.meta.url).href);
  const script = `import { closeSync, openSync } from "node:fs";
    import { FilesDisk } from ${module};
    const disk = new FilesDisk(${JSON.stringify(root)});
    const taken = [];
    try {
      for (;;) taken.push(openSync("/dev/null"));
    } catch (error) {
      console.log(error.code);
    }
    setTimeout(() => taken.forEach((fd) => closeSync(fd)), 150);
    await disk.syncDirectory(".");
    console.log("synced");`;
  const shell = `ulimit -n 60; exec "$0" --input-type=module -e "$1"`;
  const child = spawn("sh", ["-c", shell, process.execPath, script]);
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (text) => (said += text));
  await once(child, "close");
  expect(said).toBe("EMFILE\nsynced\n");
});

test("a file in place of the root is told to be no directory", async () => {
  const place = join(base, "a-file");
  await writeFile(place, "");
  await expect(makeRoot(place)).rejects.toThrow("a-file is not a directory");
});
