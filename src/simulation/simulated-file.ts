import type { Random } from "../base/random.ts";
import { drawBetween, drawOneIn } from "./draw.ts";
import { FileContent } from "./file-content.ts";

/** What a disk writes at once or not at all. */
const sectorBytes = 512;

/** A flush under way: what it covers, and how far that still agrees with the file. */
interface Flush {
  readonly covered: FileContent;
  sameBytes: number;
}

/** What lies in an unsynced sector once the power came back. */
type Sector = "new" | "old" | "zero" | "garbage";

/**
 * One file as the operating system sees it (`content`) and as the platter has it (`durable`).
 * Up to `sameBytes` both hold the same; what lies behind is at the mercy of a power cut.
 */
export class SimulatedFile {
  content: FileContent;
  modifiedMs = 0;
  /** Names that lead to it. */
  linkCount = 1;
  #durable: FileContent;
  #sameBytes: number;
  readonly #flushes = new Set<Flush>();

  constructor(content = FileContent.empty, durable = content) {
    this.content = content;
    this.#durable = durable;
    this.#sameBytes = content === durable ? content.sizeBytes : 0;
  }

  get isDirty(): boolean {
    return this.content !== this.#durable;
  }

  append(chunks: readonly Uint8Array[]): void {
    this.content = this.content.append(chunks);
  }

  truncate(sizeBytes: number): void {
    this.content = this.content.cut(sizeBytes);
    this.#sameBytes = Math.min(this.#sameBytes, sizeBytes);
    for (const flush of this.#flushes) flush.sameBytes = Math.min(flush.sameBytes, sizeBytes);
  }

  /** Everything up to now is durable once the returned function is called; it need not be. */
  startFlush(): () => void {
    const flush = { covered: this.content, sameBytes: this.content.sizeBytes };
    this.#flushes.add(flush);
    return () => {
      if (!this.#flushes.delete(flush)) return;
      this.#durable = flush.covered;
      this.#sameBytes = flush.sameBytes;
    };
  }

  /** Rot: other bytes in the place of those that are there, in the cache and on the platter. */
  spoil(position: number, bytes: Uint8Array): void {
    this.content = this.content.overwrite(position, bytes);
    if (position + bytes.length <= this.#durable.sizeBytes) {
      this.#durable = this.#durable.overwrite(position, bytes);
    }
  }

  /**
   * The news of a failed flush: the cache counts what it held as clean and may have let it go. The
   * size stays, unsynced sectors hold what the platter has (a failed fsync is not to be repeated).
   */
  loseCache(random: Random): void {
    const { sizeBytes } = this.content;
    const left = this.#tearFrom(random, sizeBytes, () => (drawOneIn(random, 2) ? "new" : "old"));
    this.content = left;
    this.#durable = left;
    this.#sameBytes = sizeBytes;
    this.#flushes.clear();
  }

  /** What a power cut leaves: of the unsynced end nothing, a part, or a part with holes. */
  survivor(random: Random): FileContent {
    if (!this.isDirty) return this.content;
    const kind = drawBetween(random, 0, 4);
    if (kind === 0) return this.#durable;
    const sizeBytes = drawBetween(random, this.#sameBytes, this.content.sizeBytes);
    if (kind <= 2) return this.content.cut(sizeBytes);
    return this.#tearFrom(random, sizeBytes, () => drawSector(random, kind === 4));
  }

  #tearFrom(random: Random, sizeBytes: number, draw: () => Sector): FileContent {
    let left = this.content.cut(sizeBytes);
    for (let at = this.#sameBytes; at < sizeBytes;) {
      const end = Math.min(sizeBytes, at - (at % sectorBytes) + sectorBytes);
      const sector = draw();
      if (sector !== "new") left = left.overwrite(at, this.#sectorOf(sector, at, end - at, random));
      at = end;
    }
    return left;
  }

  #sectorOf(kind: Sector, position: number, length: number, random: Random): Uint8Array {
    if (kind === "garbage") return random.bytes(length);
    const bytes = new Uint8Array(length);
    if (kind === "old") bytes.set(this.#durable.read(position, length));
    return bytes;
  }
}

function drawSector(random: Random, withGarbage: boolean): Sector {
  switch (drawBetween(random, 0, withGarbage ? 3 : 2)) {
    case 0:
      return "old";
    case 1:
      return "zero";
    case 2:
      return "new";
    default:
      return "garbage";
  }
}
