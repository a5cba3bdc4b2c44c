import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld, tools } from "../../../../test/support/log-directory.ts";
import { writeInt32 } from "../../../base/bytes.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { buildBatch } from "../../../protocol/build-batch.ts";
import { batchFields, batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { Partition } from "../partition.ts";

const logPath = "orders-0/00000000000000000000.log";
const client = { origin: "client" } as const;

/** A batch whose one value holds another one, as a copy of some log has it. */
function nestingBatch(): Uint8Array {
  const inner = batchOf(["never sent"], { baseOffset: 7 });
  return buildBatch([{ key: null, value: inner, timestampMs: 1 }], {}, tools);
}

async function codeAt(partition: Partition, offset: number): Promise<string> {
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
  try {
    return `${(await partition.read(offset, limits)).sizeBytes} bytes`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** "first", a batch that holds another, and "last" where wanted; a bit of the second is flipped. */
async function damagedLog(hasLast: boolean): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const partition = await (await openWorld(disk)).open();
  await append(partition, ["first"]);
  const at = disk.peek(logPath).length + batchHeaderBytes;
  partition.append(nestingBatch(), client);
  if (hasLast) await append(partition, ["last"]);
  await new Promise<void>((resolve) => partition.whenCommitted(partition.end, () => resolve()));
  const spoiled = disk.peek(logPath).slice();
  spoiled[at] = (spoiled[at] as number) ^ 1;
  const left = disk.afterKill();
  left.poke(logPath, spoiled);
  return left;
}

test("a batch inside the records of a damaged one is never taken for the log's", async () => {
  const partition = await (await openWorld(await damagedLog(true))).open();
  expect(partition.end).toBe(3);
  const last = `${batchOf(["last"]).length} bytes`;
  expect(await codeAt(partition, 1)).toBe("CORRUPT_MESSAGE");
  expect(await codeAt(partition, 2)).toBe(last);
});

test("a torn batch that holds another is cut, and no part of it is shown", async () => {
  const partition = await (await openWorld(await damagedLog(false))).open();
  expect(partition.end).toBe(1);
  expect(await append(partition, ["next"])).toBe(1);
});

test("a good batch with attributes Kafka ignores keeps what is before it from a cut", async () => {
  const disk = new SimulatedDisk();
  const first = await (await openWorld(disk)).open();
  await append(first, ["damaged"]);
  const odd = batchOf(["kept"]);
  odd[batchFields.attributes] = 1;
  writeInt32(odd, batchFields.crc, tools.crc32c(odd.subarray(batchFields.attributes)));
  first.append(odd, client);
  await new Promise<void>((resolve) => first.whenCommitted(2, () => resolve()));
  const left = disk.afterKill();
  const spoiled = left.peek(logPath).slice();
  spoiled.set(encodeUtf8("????"), 8);
  left.poke(logPath, spoiled);
  const partition = await (await openWorld(left)).open();
  expect(partition.end).toBe(2);
  expect(await codeAt(partition, 1)).toBe(`${odd.length} bytes`);
});
