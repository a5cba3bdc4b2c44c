import { expect, test } from "vitest";
import {
  append,
  committed,
  batchOf,
  fromDisk,
  openWorld,
} from "../../../../test/support/log-directory.ts";
import { makeTemporaryFolder, removeFolder } from "../../../../test/support/temporary-folder.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { FilesDisk } from "../../../storage/files-disk.ts";
import type { ReadResult } from "../partition-log.ts";
import { ReadBuffers } from "./read-buffers.ts";

const kibibyte = 1024;
const mebibyte = 1024 ** 2;

test("a buffer is used again once it is released, and not before", () => {
  const buffers = new ReadBuffers(mebibyte);
  const first = buffers.take(200 * kibibyte) as Uint8Array;
  const lease = buffers.lease(first.subarray(7, 90));
  expect(buffers.take(200 * kibibyte)).not.toBe(first);
  lease?.release();
  expect(buffers.take(250 * kibibyte)).toBe(first);
  // The memory is another reader's by now.
  lease?.release();
  expect(buffers.take(200 * kibibyte)).not.toBe(first);
});

test("what lies idle is bounded, and small or huge reads take none", () => {
  const buffers = new ReadBuffers(mebibyte);
  const taken = Array.from({ length: 8 }, () => buffers.take(300 * kibibyte) as Uint8Array);
  for (const buffer of taken) buffers.giveBack(buffer);
  expect(buffers.idleBytes).toBeLessThanOrEqual(mebibyte);
  expect(buffers.idleBytes).toBeGreaterThan(mebibyte / 2);
  expect(buffers.take(kibibyte)).toBeUndefined();
  expect(buffers.take(50 * mebibyte)).toBeUndefined();
  expect(new ReadBuffers(0).take(mebibyte)).toBeUndefined();
  expect(buffers.lease(new Uint8Array(5))).toBeUndefined();
});

test("reads of a disk share memory, and what is leased stays as it was", async () => {
  const root = makeTemporaryFolder("buffers");
  const world = await openWorld(new FilesDisk(root), { settings: fromDisk });
  const partition = await world.open();
  for (let count = 0; count < 30; count += 1) {
    const value = String.fromCharCode(97 + (count % 26)).repeat(100_000);
    const { lastOffset } = partition.append(batchOf([value]), { origin: "client" });
    await committed(partition, lastOffset + 1);
  }
  const limits = { sizeBytesMax: 450_000, wholeFirst: true, upTo: partition.end };
  const read = async (offset: number): Promise<ReadResult> => partition.read(offset, limits);
  const held = await read(3);
  const heldBytes = joinBytes(held.chunks);
  const memory = new Set<ArrayBufferLike>();
  for (let offset = 0; offset < 25; offset += 1) {
    const result = await read(offset);
    expect(joinBytes(result.chunks)).toEqual(joinBytes((await read(offset)).chunks));
    memory.add((result.chunks[0] as Uint8Array).buffer);
    result.lease?.release();
  }
  expect(memory.size).toBeLessThan(6);
  expect(memory.has((held.chunks[0] as Uint8Array).buffer)).toBe(false);
  expect(joinBytes(held.chunks)).toEqual(heldBytes);
  expect(await append(partition, ["more"])).toBe(30);
  await world.directory.close();
  removeFolder(root);
});
