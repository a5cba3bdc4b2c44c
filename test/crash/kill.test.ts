import { mkdirSync, writeFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { brokerProduct } from "../support/broker-process.ts";
import { isLongRun, repositoryRoot } from "../support/repository.ts";
import { Life, type Round } from "./life.ts";

const rounds = Number(process.env["XYLEM_TEST_CRASH_ROUNDS"] ?? (isLongRun ? 300 : 10));
/** All of a directory is read after each kill: a new one begins before that takes too long. */
const roundsPerLife = 25;
const lives: Life[] = [];
const report: Round[] = [];

afterEach(async () => {
  await lives.at(-1)?.end();
});

test(
  `${rounds} kills under load lose, double, tear and disorder nothing`,
  async () => {
    while (report.length < rounds) {
      await lives.at(-1)?.end();
      await live(Math.min(roundsPerLife, rounds - report.length));
    }
    if (isLongRun) writeReport();
  },
  rounds * 120_000,
);

/** In every other round compaction and retention are at work. */
async function live(count: number): Promise<void> {
  const life = await Life.begin();
  lives.push(life);
  for (let round = 1; round <= count; round += 1) report.push(await life.round(round % 2 === 0));
  await life.drain();
  const { side, maintenance } = life;
  expect(side.createdCount).toBeGreaterThan(count);
  expect(side.committedCount).toBeGreaterThan(count * 10);
  if (count === 1) return;
  expect(maintenance.removedCount).toBeGreaterThan(0);
  expect(maintenance.compactedTo).toBeLessThan(maintenance.compactedFrom / 2);
}

const sum = (count: (life: Life) => number): number =>
  lives.reduce((total, life) => total + count(life), 0);

function writeReport(): void {
  const day = new Date().toISOString().slice(0, 10);
  const folder = `${repositoryRoot}/docs/reports`;
  mkdirSync(folder, { recursive: true });
  const rows = report.map(({ acknowledged, isMaintenanceBusy, restartMs }, at) => {
    return `| ${at + 1} | ${acknowledged} | ${isMaintenanceBusy ? "yes" : "no"} | ${restartMs} |`;
  });
  const lines = [
    `# Kills under load, ${day}`,
    "",
    `${report.length} rounds of \`kill -9\` on ${brokerProduct}, a new data directory every`,
    `${roundsPerLife}: 3 idempotent producers, acks=all, 4 partitions,`,
    `${sum((life) => life.acknowledgedCount)} batches acknowledged in all,`,
    `${sum(({ side }) => side.createdCount)} topics made,`,
    `${sum(({ side }) => side.committedCount)} offset commits tried meanwhile. In every other`,
    "round compaction and retention were at work: of",
    `${sum(({ maintenance }) => maintenance.compactedFrom)} records with keys`,
    `${sum(({ maintenance }) => maintenance.compactedTo)} were left, and the oldest`,
    `${sum(({ maintenance }) => maintenance.removedCount)} of another topic had gone. No`,
    "acknowledged record was missing, doubled, torn or out of order, and the last value of each",
    "key was there.",
    "",
    "| round | batches acknowledged | maintenance busy | ms from start to ready |",
    "|---|---|---|---|",
    ...rows,
    "",
  ];
  writeFileSync(`${folder}/kills-${day}.md`, lines.join("\n"));
}
