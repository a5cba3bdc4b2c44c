import { open, rm } from "node:fs/promises";
import { join } from "node:path";

export interface FlushTimes {
  readonly medianMicros: number;
  readonly slowestMicros: number;
}

const flushes = 200;
const writeBytes = 4096;

/** Appends a page and flushes it, many times: what an acknowledged write costs on this disk. */
export async function probeFlushes(directory: string): Promise<FlushTimes> {
  const path = join(directory, "flush-probe");
  const file = await open(path, "w");
  const page = new Uint8Array(writeBytes).fill(0x5a);
  const micros: number[] = [];
  try {
    for (let count = 0; count < flushes; count += 1) {
      await file.write(page);
      const startedMs = performance.now();
      await file.datasync();
      micros.push((performance.now() - startedMs) * 1_000);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  micros.sort((one, other) => one - other);
  return {
    medianMicros: Math.round(micros[flushes >> 1] ?? 0),
    slowestMicros: Math.round(micros.at(-1) ?? 0),
  };
}

/** Faster than any medium: a call into memory and back takes about as long. */
const memoryMicros = 60;
/** Devices that have to reach flash or a platter take longer; a protected cache need not. */
const cacheMicros = 250;

/** What the times allow to be said. Only cutting the power proves that flushes hold. */
export function judgeFlushes({ medianMicros }: FlushTimes): {
  readonly isDoubtful: boolean;
  readonly words: string;
} {
  if (medianMicros < memoryMicros) {
    const words = "no device is as fast as that: flushes seem to end in memory (tmpfs, a cache)";
    return { isDoubtful: true, words };
  }
  if (medianMicros < cacheMicros) {
    const words = "as fast as a device whose cache outlives a power cut; one that lies looks alike";
    return { isDoubtful: false, words };
  }
  return { isDoubtful: false, words: "as slow as a flush that reaches the medium" };
}
