import { mkdtemp, rm } from "node:fs/promises";
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
