import type { Random } from "../base/random.ts";
import { drawBetween, drawOneIn } from "./draw.ts";
import { SimulatedFile } from "./simulated-file.ts";

export type Node = SimulatedFolder | SimulatedFile;

/** A creation, removal or rename: the names that change with it, at once or not at all. */
interface NameChange {
  readonly changes: readonly { readonly name: string; readonly node: Node | undefined }[];
  /** What must be where it was for the change to make sense; undefined for a creation. */
  readonly from: { readonly name: string; readonly node: Node } | undefined;
}

/**
 * One directory: the names as they are, and what a power cut is sure to leave of them. A change of
 * names is durable once the directory was synced after it.
 */
export class SimulatedFolder {
  readonly names = new Map<string, Node>();
  #durable = new Map<string, Node>();
  #pending: NameChange[] = [];

  get isDirty(): boolean {
    return this.#pending.length > 0;
  }

  create(name: string, node: Node): void {
    this.#change({ changes: [{ name, node }], from: undefined });
  }

  remove(name: string, node: Node): void {
    this.#change({ changes: [{ name, node: undefined }], from: { name, node } });
  }

  rename(from: { name: string; node: Node }, to: string): void {
    const { name, node } = from;
    this.#change({
      changes: [
        { name, node: undefined },
        { name: to, node },
      ],
      from,
    });
  }

  /** All changes up to now are durable once the returned function is called. */
  startSync(): () => void {
    const covered = [...this.#pending];
    return () => {
      for (const change of covered) {
        if (this.#pending.includes(change)) applyTo(this.#durable, change);
      }
      this.#pending = this.#pending.filter((change) => !covered.includes(change));
    };
  }

  /** What a power cut leaves of it, as a folder of its own; `files` holds those drawn before. */
  survivor(random: Random, files: Map<SimulatedFile, SimulatedFile>): SimulatedFolder {
    const left = new SimulatedFolder();
    for (const [name, node] of this.#survivingNames(random)) {
      if (node instanceof SimulatedFolder) left.names.set(name, node.survivor(random, files));
      else left.names.set(name, survivingFile(node, random, files));
    }
    left.#durable = new Map(left.names);
    return left;
  }

  /** Of the unsynced changes none, the first ones, or any that still make sense. */
  #survivingNames(random: Random): Map<string, Node> {
    const names = new Map(this.#durable);
    const kind = drawBetween(random, 0, 2);
    if (kind === 0 || this.#pending.length === 0) return names;
    const first = kind === 1 ? drawBetween(random, 0, this.#pending.length) : Infinity;
    for (const [index, change] of this.#pending.entries()) {
      if (kind === 1 ? index >= first : drawOneIn(random, 2)) continue;
      const { from } = change;
      if (from === undefined || names.get(from.name) === from.node) applyTo(names, change);
    }
    return names;
  }

  #change(change: NameChange): void {
    this.#pending.push(change);
    applyTo(this.names, change);
  }
}

/** A file of several names is one file afterwards too. */
function survivingFile(
  file: SimulatedFile,
  random: Random,
  files: Map<SimulatedFile, SimulatedFile>,
): SimulatedFile {
  const known = files.get(file);
  if (known !== undefined) {
    known.linkCount += 1;
    return known;
  }
  const left = new SimulatedFile(file.survivor(random));
  left.modifiedMs = file.modifiedMs;
  files.set(file, left);
  return left;
}

function applyTo(names: Map<string, Node>, { changes }: NameChange): void {
  for (const { name, node } of changes) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

/** A file of several names is there once for each. */
export function filesIn(folder: SimulatedFolder): SimulatedFile[] {
  return [...folder.names.values()].flatMap((node) =>
    node instanceof SimulatedFolder ? filesIn(node) : [node],
  );
}

export function sizeOf(folder: SimulatedFolder): number {
  let sizeBytes = 0;
  for (const file of new Set(filesIn(folder))) sizeBytes += file.content.sizeBytes;
  return sizeBytes;
}

export function pathsIn(folder: SimulatedFolder, prefix: string): string[] {
  return [...folder.names].flatMap(([name, node]) =>
    node instanceof SimulatedFolder ? pathsIn(node, `${prefix}${name}/`) : [`${prefix}${name}`],
  );
}
