// A process of its own, `node hunt-planted.ts '<Hunt as JSON>'`: plants faults in the text of
// modules as they are loaded, runs schedules until one fails, or a written one, and tells of it.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

export interface Plant {
  /** The end of the module's path. */
  readonly file: string;
  /** Stands in it once. */
  readonly text: string;
  readonly instead: string;
}

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
const planted = new Set<Plant>();

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const here = plants.filter(({ file }) => url.endsWith(`/${file}`));
    if (here.length === 0) return loaded;
    let source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
    for (const plant of here) {
      const parts = source.split(plant.text);
      if (parts.length !== 2)
        throw new Error(`${plant.file} has ${parts.length - 1} ${plant.text}`);
      source = parts.join(plant.instead);
      planted.add(plant);
    }
    return { ...loaded, source };
  },
});

const { runChainSeed } = await import("./run-chain-seed.ts");
const { performPlay } = await import("./chain-play.ts");
if (planted.size !== plants.length) throw new Error("a module to plant a fault in is not loaded");

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
