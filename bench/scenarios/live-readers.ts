import { Child } from "../../test/support/child-process.ts";
import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { repositoryRoot } from "../../test/support/repository.ts";
import { startXylem } from "../../test/support/xylem-process.ts";
import { cpuSeconds, residentMiB } from "../process-usage.ts";
import type { Figures, Scenario } from "../scenario.ts";

const recordBytes = 1_000;
const batchesPerSecond = 50;
const connectWithinMs = 120_000;
const settledAfterMs = 5_000;

interface Load {
  readonly readers: number;
  readonly bytesPerSecond: number;
}

const rateName = ({ bytesPerSecond }: Load): string => `${bytesPerSecond / 1e6} MB/s`;

function fanOut(load: Load): Scenario {
  return {
    name: `server-sent events: ${rateName(load)} to ${load.readers} readers`,
    needsJava: false,
    figures: ["p99 ms", "p50 ms", "max ms", "MB/s received", "broker CPU s/s", "RSS MiB"],
    isHigherBetter: false,
    isWarmedUp: false,
    isOursOnly: true,
    measure: ({ isQuick }) => measureFanOut(load, isQuick ? 5 : 20),
  };
}

export const eventsToTwoHundred = fanOut({ readers: 200, bytesPerSecond: 1_000_000 });
export const eventsToThousand = fanOut({ readers: 1_000, bytesPerSecond: 200_000 });

/** Readers that wait for what does not come: what they cost. */
export const idleEventReaders: Scenario = {
  name: "server-sent events: 10000 idle readers",
  needsJava: false,
  figures: ["RSS MiB", "RSS MiB without readers", "KiB a reader", "broker CPU s/s"],
  isHigherBetter: false,
  isWarmedUp: false,
  repetitionsMax: 1,
  isOursOnly: true,
  measure: ({ isQuick }) => measureIdle(isQuick ? 1_000 : 10_000),
};

async function measureFanOut(load: Load, seconds: number): Promise<Figures> {
  const broker = await startXylem();
  const client = await RawClient.open(broker.port);
  await client.createTopic("live", { configs: { durability: "os" } });
  const readers = await startReaders(broker.port, load.readers);
  const cpuBefore = cpuSeconds(broker.pid);
  await produceSteadily(client, load.bytesPerSecond, seconds);
  const used = cpuSeconds(broker.pid) - cpuBefore;
  const rss = residentMiB(broker.pid);
  const told = await endReaders(readers, load.readers);
  client.close();
  await broker.stop();
  return {
    "p99 ms": told.p99,
    "p50 ms": told.p50,
    "max ms": told.max,
    "MB/s received": told.sizeBytes / 1e6 / seconds,
    "broker CPU s/s": used / seconds,
    "RSS MiB": rss,
  };
}

async function measureIdle(count: number): Promise<Figures> {
  const settings = { "max.connections": String(count + 100) };
  const broker = await startXylem({ settings });
  const client = await RawClient.open(broker.port);
  await client.createTopic("live");
  await endReaders(await startReaders(broker.port, 1), 1);
  const before = residentMiB(broker.pid);
  const readers = await startReaders(broker.port, count);
  await sleep(settledAfterMs);
  const cpuBefore = cpuSeconds(broker.pid);
  await sleep(settledAfterMs);
  const used = cpuSeconds(broker.pid) - cpuBefore;
  const rss = residentMiB(broker.pid);
  await endReaders(readers, count);
  client.close();
  await broker.stop();
  return {
    "RSS MiB": rss,
    "RSS MiB without readers": before,
    "KiB a reader": ((rss - before) * 1_024) / count,
    "broker CPU s/s": used / (settledAfterMs / 1_000),
  };
}

async function produceSteadily(
  client: RawClient,
  bytesPerSecond: number,
  seconds: number,
): Promise<void> {
  const perBatch = Math.max(1, Math.round(bytesPerSecond / recordBytes / batchesPerSecond));
  const value = "x".repeat(recordBytes);
  const startedMs = performance.now();
  const sent: Promise<unknown>[] = [];
  for (let batch = 0; batch < seconds * batchesPerSecond; batch++) {
    const dueMs = startedMs + (batch * 1_000) / batchesPerSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    sent.push(client.produce(["live", 0], batchOf(Array.from({ length: perBatch }, () => value))));
  }
  await Promise.all(sent);
  await sleep(1_000);
}

async function startReaders(port: number, count: number): Promise<Child> {
  const args = [`${repositoryRoot}/bench/event-readers.ts`, String(port), "live", String(count)];
  const readers = new Child(process.execPath, args);
  await readers.waitForOutput(/ready/, connectWithinMs);
  return readers;
}

interface Told {
  readonly sizeBytes: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly open: number;
}

async function endReaders(readers: Child, count: number): Promise<Told> {
  readers.write("");
  readers.endInput();
  const [line = ""] = await readers.waitForOutput(/\{.*\}/, connectWithinMs);
  const told = JSON.parse(line) as Told;
  if (told.open !== count) throw new Error(`${told.open} of ${count} readers are left`);
  return told;
}

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));
