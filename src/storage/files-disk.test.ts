import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
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
