import { offsetsTopic } from "../../../broker/topics/internal-topics.ts";
import type { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { PartitionKey } from "../history.ts";
import { nextBase } from "../spoil.ts";
import type { World } from "../world.ts";

/** A bit of a file that has flipped. */
interface Rot {
  readonly partition: PartitionKey;
  readonly nodeId: number;
  readonly machine: { readonly disk: SimulatedDisk };
  readonly path: string;
  readonly position: number;
  /** Of the batch that it is in. */
  readonly lastOffset: number;
}

/** So many bytes on each side tell that a file is still the same there. */
const besideBytes = 16;

/** Where bits have flipped, and whether they are there still. */
export class Rots {
  readonly #world: World;
  #left: { readonly rot: Rot; readonly bytes: string }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  flip(rot: Rot, bit: number): void {
    const { partition, nodeId, machine, path, position, lastOffset } = rot;
    this.#world.record({ kind: "rotted", partition, nodeId, lastOffset });
    if (path.startsWith(`${offsetsTopic}-`)) this.#world.record({ kind: "groupsRotted" });
    this.#world.tell("nemesis", `${path} rots at ${position}`);
    const byte = (machine.disk.peek(path)[position] ?? 0) ^ (1 << bit);
    machine.disk.spoil(path, position, Uint8Array.of(byte));
    this.#left.push({ rot, bytes: bytesAt(rot) });
  }

  /** Whether any is there still. */
  get areLeft(): boolean {
    this.look();
    return this.#left.length > 0;
  }

  /**
   * Notes which are gone by now, mended or with all that the node had of the partition, and how far
   * the others reach.
   */
  look(): void {
    // What is appended behind the batch does not mend it.
    const isThere = ({ rot, bytes }: { rot: Rot; bytes: string }): boolean =>
      bytesAt(rot).startsWith(bytes);
    const left = this.#left
      .filter(isThere)
      .map(({ rot, bytes }) => ({ rot: withinSegment(rot), bytes }));
    const same = new Set(left.map(({ rot }) => rot));
    for (const { rot } of this.#left.filter((one) => !same.has(one.rot))) {
      const { partition, nodeId } = rot;
      const offsets = left.flatMap((one) =>
        one.rot.partition === partition && one.rot.nodeId === nodeId ? [one.rot.lastOffset] : [],
      );
      const more = offsets.length === 0 ? {} : { leftUpTo: Math.max(...offsets) };
      this.#world.record({ kind: "healed", partition, nodeId, ...more });
    }
    this.#left = left;
  }
}

/** A log that is cut at its start within what rotted goes on in a segment behind that. */
function withinSegment(rot: Rot): Rot {
  const next = nextBase(rot.machine.disk.paths(), rot.path) ?? Infinity;
  return next > rot.lastOffset ? rot : { ...rot, lastOffset: next - 1 };
}

/** One word a byte; empty: the file is not there. */
function bytesAt({ machine, path, position }: Rot): string {
  const { disk } = machine;
  if (!disk.paths().includes(path)) return "";
  const from = Math.max(0, position - besideBytes);
  const bytes = disk.peek(path).slice(from, position + besideBytes);
  return Array.from(bytes, (byte) => `${byte} `).join("");
}
