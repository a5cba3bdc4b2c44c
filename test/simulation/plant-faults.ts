import { registerHooks } from "node:module";

export interface Plant {
  /** The end of the module's path. */
  readonly file: string;
  /** Stands in it once. */
  readonly text: string;
  readonly instead: string;
}

/** Plants faults in the text of modules as they are loaded. Answers what checks that all are. */
export function plantFaults(plants: readonly Plant[]): () => void {
  const planted = new Set<Plant>();
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const here = plants.filter(({ file }) => url.endsWith(`/${file}`));
      if (here.length === 0) return loaded;
      let source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
      for (const plant of here) {
        const parts = source.split(plant.text);
        if (parts.length !== 2) {
          throw new Error(`${plant.file} has ${parts.length - 1} ${plant.text}`);
        }
        source = parts.join(plant.instead);
        planted.add(plant);
      }
      return { ...loaded, source };
    },
  });
  return () => {
    if (planted.size === plants.length) return;
    throw new Error("a module to plant a fault in is not loaded");
  };
}
