import { describe, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { diskContract } from "../../test/contracts/disk.contract.ts";
import { MemoryDisk } from "./memory-disk.ts";

const stillClock: Clock = { nowMs: () => 7, monotonicMs: () => 7, schedule: () => () => {} };
const makeDisk = (sizeBytesMax: number): MemoryDisk =>
  new MemoryDisk({ sizeBytesMax, clock: stillClock });

diskContract("memory", async () => makeDisk(64 * 1024 * 1024));

describe("memory disk", () => {
  test("past its budget an append is refused whole, and succeeds once space returns", async () => {
    const disk = makeDisk(100_000);
    const full = await disk.open("a.log", { create: true });
    await full.append([new Uint8Array(60_000)]);
    const chunks = [new Uint8Array(20_000), new Uint8Array(30_000)];
    expect(() => full.append(chunks)).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
    expect(full.sizeBytes).toBe(60_000);
    await disk.remove("a.log");
    await full.close();
    expect(disk.usedBytes).toBe(0);
    const next = await disk.open("b.log", { create: true });
    await next.append(chunks);
    expect(next.sizeBytes).toBe(50_000);
  });

  test("a small view of a large buffer does not keep the large buffer alive", async () => {
    const disk = makeDisk(1_000_000);
    const file = await disk.open("a.log", { create: true });
    await file.append([new Uint8Array(new ArrayBuffer(500_000), 0, 5_000)]);
    const kept = await file.read(0, 5_000);
    expect(kept.buffer.byteLength).toBe(5_000);
    expect(disk.usedBytes).toBe(5_000);
  });

  test("ten thousand small appends take little more memory than their bytes", async () => {
    const disk = makeDisk(10_000_000);
    const file = await disk.open("a.log", { create: true });
    for (let index = 0; index < 10_000; index += 1) await file.append([new Uint8Array(100)]);
    expect(file.sizeBytes).toBe(1_000_000);
    expect(disk.usedBytes).toBeLessThan(1_100_000);
  });
});
