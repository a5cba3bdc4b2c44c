import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokerProduct, startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { isLongRun, repositoryRoot } from "../support/repository.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { findViolations, type StoredRecord } from "./ledger.ts";
import { LedgerProducer } from "./ledger-producer.ts";
import { busyMaintenance, MaintenanceLoad } from "./maintenance-load.ts";
import { SideLoad } from "./side-load.ts";

const rounds = Number(process.env["XYLEM_TEST_CRASH_ROUNDS"] ?? (isLongRun ? 100 : 10));
const acknowledgedMin = 5_000;
const place = { topic: "crash-load", partitions: 4 };

const dataFolder = makeTemporaryFolder("crash");
const producers = [0, 1, 2].map((number) => new LedgerProducer(number, place));
const side = new SideLoad(place.topic);
const maintenance = new MaintenanceLoad();
const report: string[] = [];
let broker: BrokerProcess;

beforeAll(async () => {
  broker = await startBroker({ dataFolder, settings: busyMaintenance });
  const client = await RawClient.open(broker.port);
  await client.createTopic(place.topic, { partitions: place.partitions });
  client.close();
  await maintenance.prepare(broker.port);
});

afterAll(async () => {
  await broker.stop();
  removeFolder(dataFolder);
});

test(
  `${rounds} kills under load lose, double, tear and disorder nothing`,
  async () => {
    for (let round = 1; round <= rounds; round += 1) {
      const isBusy = round % 2 === 0;
      const acknowledged = await killUnderLoad(isBusy);
      const startedMs = performance.now();
      await broker.restart();
      const restartMs = Math.round(performance.now() - startedMs);
      expect(acknowledged).toBeGreaterThanOrEqual(acknowledgedMin);
      await expectNoViolations();
      report.push(`| ${round} | ${acknowledged} | ${isBusy ? "yes" : "no"} | ${restartMs} |`);
    }
    await drainAndCheck();
    if (isLongRun) writeReport();
  },
  rounds * 120_000,
);

/** Loads the broker, kills it at some moment past the least load; answers the acknowledgements. */
async function killUnderLoad(isMaintenanceBusy: boolean): Promise<number> {
  const before = acknowledgedCount();
  const load = [...producers.map((producer) => keepRunning(producer)), side.run(broker.port)];
  if (isMaintenanceBusy) load.push(maintenance.run(broker.port));
  const enough = acknowledgedMin + Math.floor(Math.random() * 2_000);
  await waitUntil("enough is acknowledged", () => acknowledgedCount() - before >= enough, 60_000);
  await sleep(Math.random() * 20);
  await broker.kill();
  side.stop();
  maintenance.stop();
  await Promise.all(load);
  return acknowledgedCount() - before;
}

/** Reconnects after retriable refusals for as long as the broker lives. */
async function keepRunning(producer: LedgerProducer): Promise<void> {
  const isAlive = async (): Promise<boolean> => {
    await producer.run(broker.port);
    await sleep(20);
    return RawClient.open(broker.port).then(
      (client) => {
        client.close();
        return true;
      },
      () => false,
    );
  };
  while (await isAlive());
}

/** Everything still under way is sent again and answered; then all of it must be there, once. */
async function drainAndCheck(): Promise<void> {
  const running = producers.map((producer) => producer.run(broker.port));
  await sleep(200);
  for (const producer of producers) producer.drain();
  await Promise.all(running);
  await expectNoViolations();
  const told = producers.flatMap((producer) => producer.acknowledged.map(([, each]) => each));
  expect(told.every((offsets) => !offsets.includes(undefined))).toBe(true);
  expect(side.createdCount).toBeGreaterThan(rounds);
  expect(side.committedCount).toBeGreaterThan(rounds * 10);
  expect(maintenance.removedCount).toBeGreaterThan(0);
  expect(maintenance.compactedTo).toBeLessThan(maintenance.compactedFrom / 2);
}

async function expectNoViolations(): Promise<void> {
  const client = await RawClient.open(broker.port);
  const stored = new Map<number, StoredRecord[]>();
  for (let partition = 0; partition < place.partitions; partition += 1) {
    stored.set(partition, await client.readAll([place.topic, partition]));
  }
  client.close();
  const acknowledged = new Map(producers.flatMap((producer) => producer.acknowledged));
  expect(findViolations({ acknowledged, stored })).toEqual([]);
  expect(await side.findViolations(broker.port)).toEqual([]);
  expect(await maintenance.findViolations(broker.port)).toEqual([]);
}

function acknowledgedCount(): number {
  return producers.reduce((sum, producer) => sum + producer.acknowledgedCount, 0);
}

function writeReport(): void {
  const total = acknowledgedCount();
  const day = new Date().toISOString().slice(0, 10);
  const folder = `${repositoryRoot}/docs/reports`;
  mkdirSync(folder, { recursive: true });
  const lines = [
    `# Kills under load, ${day}`,
    "",
    `${report.length} rounds of \`kill -9\` on ${brokerProduct}: ${producers.length} idempotent`,
    `producers, acks=all, ${place.partitions} partitions, ${total} batches acknowledged in all,`,
    `${side.createdCount} topics made, ${side.committedCount} offsets committed meanwhile.`,
    "In every other round compaction and retention were at work: of",
    `${maintenance.compactedFrom} records with keys ${maintenance.compactedTo} were left, and the`,
    `oldest ${maintenance.removedCount} of another topic had gone.`,
    "No acknowledged record was missing, doubled, torn or out of order, and the last value of each",
    "key was there.",
    "",
    "| round | batches acknowledged | maintenance busy | ms from start to ready |",
    "|---|---|---|---|",
    ...report,
    "",
  ];
  writeFileSync(`${folder}/kills-${day}.md`, lines.join("\n"));
}
