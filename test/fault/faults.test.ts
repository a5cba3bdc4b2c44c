import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { cacheFolder, isLongRun, repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import type { Nemesis } from "./campaign/arena.ts";
import { Campaign } from "./campaign/campaign.ts";
import { formatReport } from "./campaign/report.ts";
import { allNemeses, nemesis } from "./nemeses/all-nemeses.ts";

const minutes = Number(process.env["XYLEM_TEST_FAULT_MINUTES"] ?? 30);
const seed = Number(process.env["XYLEM_TEST_FAULT_SEED"] ?? Date.now() % 1_000_000);
/** Names of nemeses, with `;` between them. */
const chosen = process.env["XYLEM_TEST_FAULT_ONLY"]?.split(/; */);
/** Of the nodes' logs; and of the report where not all nemeses were to strike. */
const logFolder = `${cacheFolder("fault")}/${seed}`;
const etcdMembers = isLongRun ? 3 : 1;

/** What `npm test` does of it. */
const shortPass = [
  "kill -9 of the head",
  "kill -9 of the middle",
  "kill -9 of the tail",
  "pause of a follower for three seconds",
  "pause of the head past its lease",
  "no link between middle and tail",
  "coordinator paused for longer than a lease",
  "wiped disk",
  "deletions while a node is down",
  "a node joins by plan, and leaves by another",
  "kill -9 of all nodes",
];

describeWith(["etcd"], "three nodes under load and faults", () => {
  let campaign: Campaign;
  let isPossible: (one: Nemesis) => boolean;
  /** What ran; another may be there when it ends. */
  let commit: string;

  beforeAll(async () => {
    const asked = ["rev-parse", "--short", "HEAD"];
    commit = execFileSync("git", asked, { cwd: repositoryRoot, encoding: "utf8" }).trim();
    campaign = await Campaign.begin({ etcdMembers, seed, logFolder });
    isPossible = ({ isPossible: can }) => can === undefined || can(campaign.cluster.means);
  });

  afterAll(() => campaign.end());

  async function strike(one: Nemesis): Promise<void> {
    const { gapMs, slowest, recoveryMs, acknowledged, complaints } = await campaign.strike(one);
    const at = new Date().toISOString().slice(11, 19);
    const gap = `gap ${gapMs} ms (${slowest})`;
    const figures = `${gap}, recovery ${recoveryMs} ms, ${acknowledged} acknowledged`;
    console.log(`${at} ${one.name}: ${figures}`, ...complaints);
  }

  async function runShort(): Promise<void> {
    for (const one of (chosen ?? shortPass).map(nemesis)) {
      if (isPossible(one)) await strike(one);
      else console.log(`${one.name}: not possible on this machine`);
    }
  }

  /** All of them again and again, each time in another order. */
  async function runLong(): Promise<void> {
    const possible = (chosen?.map(nemesis) ?? allNemeses).filter(isPossible);
    const random = new SeededRandom(seed);
    const endMs = performance.now() + minutes * 60_000;
    while (performance.now() < endMs) {
      for (const one of shuffled(possible, random)) {
        if (performance.now() < endMs) await strike(one);
      }
    }
  }

  test("lose, double and disorder nothing, and go on by themselves", async () => {
    await (isLongRun ? runLong() : runShort());
    expect(campaign.complaints).toEqual([]);
  });

  test("have everything in the end that was acknowledged, read and committed", async () => {
    const complaints = await campaign.judge();
    if (isLongRun) writeReport(complaints);
    expect(complaints).toEqual([]);
  });

  function writeReport(complaints: readonly string[]): void {
    const day = new Date().toISOString().slice(0, 10);
    const { load, figures } = campaign;
    const report = formatReport({
      day,
      commit,
      minutes,
      seed,
      etcdMembers,
      acknowledged: campaign.acknowledgedCount,
      commits: figures.reduce((sum, { commits }) => sum + commits, 0),
      clients: figures,
      absent: load.absent,
      impossible: allNemeses.filter((one) => !isPossible(one)).map(({ name }) => name),
      strikes: campaign.strikes,
      complaints,
    });
    const folder = chosen === undefined ? `${repositoryRoot}/docs/reports` : logFolder;
    writeFileSync(`${folder}/faults-${day}.md`, report);
  }
});

/** All of them in an order by chance. */
function shuffled(items: readonly Nemesis[], random: SeededRandom): readonly Nemesis[] {
  return items
    .map((item) => ({ item, place: random.nextUint32() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
