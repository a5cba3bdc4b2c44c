import { importsOf, type Import } from "./import-graph.ts";
import type { SourceFile } from "./source-tree.ts";

/** A layer imports smaller numbers only; equal numbers never import each other. */
const layerNumbers: Readonly<Record<string, number>> = {
  base: 0,
  protocol: 1,
  log: 2,
  replication: 2,
  groups: 2,
  broker: 3,
  codecs: 4,
  storage: 4,
  coordination: 4,
  peers: 4,
  servers: 4,
  simulation: 4,
  node: 5,
  harness: 6,
  cli: 6,
};
const indexNumber = 7;
const pureLayers = new Set(["base", "protocol", "log", "replication", "groups", "broker"]);

/** Imports in a product file that the layers forbid, as sentences. */
export function brokenLayers(file: SourceFile): string[] {
  return importsOf(file).flatMap((found) => {
    const problem = problemOf(file.path, found);
    return problem === undefined ? [] : [`${file.path} imports ${found.specifier}: ${problem}`];
  });
}

function problemOf(path: string, { specifier, target }: Import): string | undefined {
  const [layer, door] = placeOf(path);
  if (target === undefined) {
    return pureLayers.has(layer) ? "a pure layer imports no packages and no Node" : undefined;
  }
  if (!target.startsWith("src/")) return "the product imports only src/";
  if (!target.endsWith(".ts")) return "imports end in .ts";
  const [targetLayer, targetDoor] = placeOf(target);
  if (layer === targetLayer) {
    const apart = door !== undefined && targetDoor !== undefined && door !== targetDoor;
    return apart ? `doors never import each other (${specifier})` : undefined;
  }
  if (layer === "client") return "the client stands alone";
  const number = numberOf(layer);
  const targetNumber = numberOf(targetLayer);
  if (number === undefined) return `${layer} is no layer`;
  if (targetNumber === undefined) return `${targetLayer} is no layer to import`;
  if (targetNumber < number) return undefined;
  return `${layer} is layer ${number}, ${targetLayer} is layer ${targetNumber}`;
}

function numberOf(layer: string): number | undefined {
  return layer === "index.ts" ? indexNumber : layerNumbers[layer];
}

/** The layer, and in `servers` the door: each door is a layer of its own. */
function placeOf(path: string): [layer: string, door: string | undefined] {
  const [, layer = "", folder, ...rest] = path.split("/");
  return [layer, layer === "servers" && rest.length > 0 ? folder : undefined];
}
