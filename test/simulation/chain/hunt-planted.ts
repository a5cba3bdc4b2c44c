// A process of its own, `node hunt-planted.ts '<Hunt as JSON>'`: plants faults in the text of
// modules as they are loaded, runs schedules until one fails, or a written one, and tells of it.
import { readFileSync } from "node:fs";
import { type Plant, plantFaults } from "../plant-faults.ts";

export interface Hunt {
  readonly plants: readonly Plant[];
  readonly first: number;
  readonly count: number;
  /** Only this written schedule. */
  readonly scenario?: string;
}

export interface Catch {
  readonly seed: number;
  readonly violation: string;
  readonly seedCount: number;
}

const { plants, first, count, scenario } = JSON.parse(process.argv[2] ?? "") as Hunt;
const checkPlanted = plantFaults(plants);
const { runChainSeed } = await import("./run-chain-seed.ts");
const { performPlay } = await import("./chain-play.ts");
checkPlanted();

function huntInSeeds(): Catch | undefined {
  for (let seed = first; seed < first + count; seed += 1) {
    const { violation } = runChainSeed(seed);
    if (violation !== undefined) return { seed, violation, seedCount: seed - first + 1 };
  }
  return undefined;
}

function huntInPlay(name: string): Catch | undefined {
  const text = readFileSync(new URL(`scenarios/${name}`, import.meta.url), "utf8");
  const lines = performPlay(text).split("\n");
  const other = lines.find((line, place) => line !== text.split("\n")[place]);
  return other === undefined ? undefined : { seed: 0, violation: other, seedCount: 0 };
}

const found = scenario === undefined ? huntInSeeds() : huntInPlay(scenario);
console.log(JSON.stringify(found ?? null));
