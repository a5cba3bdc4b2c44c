import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeTemporaryFolder, removeFolder } from "../../../test/support/temporary-folder.ts";
import type { FilesDisk } from "../../storage/files-disk.ts";
import { fillEmpty } from "./empty-target.ts";

const folder = makeTemporaryFolder("empty-target");
const source = join(folder, "data");
mkdirSync(source);

afterAll(() => removeFolder(folder));

const fillOne = async (disk: FilesDisk): Promise<string> => {
  await disk.makeDirectory("orders-0");
  return "filled";
};

test("of two that fill one directory at once the first is left what it made", async () => {
  const target = join(folder, "twice");
  const pending = Promise.withResolvers<void>();
  const late = async (disk: FilesDisk): Promise<string> => {
    await pending.promise;
    return await fillOne(disk);
  };
  const both = [fillEmpty(target, source, late), fillEmpty(target, source, late)];
  await expect(Promise.race(both)).rejects.toThrow("is not empty");
  pending.resolve();
  const outcomes = await Promise.allSettled(both);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(readdirSync(target)).toEqual(["orders-0"]);
});

test("a place in the data directory is refused, and nothing is made there", async () => {
  symlinkSync(source, join(folder, "linked"));
  for (const path of [join(source, "orders-5"), join(folder, "linked", "deep", "orders-5")]) {
    await expect(fillEmpty(path, source, fillOne)).rejects.toThrow("in the data directory itself");
  }
  await expect(fillEmpty(source, source, fillOne)).rejects.toThrow("in the data directory itself");
  expect(readdirSync(source)).toEqual([]);
});

test("without a source nothing is made", async () => {
  const target = join(folder, "from-nothing");
  const absent = join(folder, "absent");
  await expect(fillEmpty(target, absent, fillOne)).rejects.toMatchObject({
    code: "INVALID_REQUEST",
  });
  expect(readdirSync(folder)).not.toContain("from-nothing");
});

test("what a failure leaves is removed, what others have there is not", async () => {
  const target = join(folder, "failing");
  const failing = fillEmpty(target, source, async (disk) => {
    await fillOne(disk);
    throw new Error("no space");
  });
  await expect(failing).rejects.toThrow("no space");
  expect(readdirSync(target)).toEqual([]);
  writeFileSync(join(target, "notes"), "");
  await expect(fillEmpty(target, source, fillOne)).rejects.toThrow("is not empty");
  expect(readdirSync(target)).toEqual(["notes"]);
});
