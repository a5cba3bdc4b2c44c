import type { Log } from "../../../base/log.ts";
import type { Random } from "../../../base/random.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { formatUuid, makeUuid } from "../../../base/uuid.ts";
import { replaceFile } from "../../partition/directory/replace-file.ts";
import type { Durability } from "../../partition/partition-log.ts";
import type { Disk } from "../../ports/disk.ts";
import type { Lineages } from "./node-entry.ts";

const place = { directory: "", name: "xylem.lineages" };

export interface LineageOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Another one after each start of the machine; undefined: it can not be told. */
  readonly bootId: string | undefined;
  /** The last process on this directory stopped in order: all it had was flushed. */
  readonly wasClean: boolean;
  readonly log: Log;
}

interface Stored extends Lineages {
  readonly bootId: string | null;
}

/**
 * Of more lost replicas than that none is named: the directory vouches for nothing any more, or for
 * what is flushed alone, if topics that answer before they flush are too many.
 */
export const lostReplicasMax = 256;

/** A replica that has lost what its node may have acknowledged. */
export interface LostReplica {
  /** As of `chainKey`. */
  readonly chain: string;
  readonly durability: Durability;
  /** All of it had only been written: with the machine's crash each such topic has lost that. */
  readonly isUnflushed: boolean;
}

/**
 * The lineages of a data directory, in its file `xylem.lineages` (cluster.md, section 1). An empty
 * directory gets new ones; what was in the page cache is lost with a crash of the machine, and the
 * lineage of `os` topics with it; a log that has lost what was flushed ends both.
 */
export class LineageFile {
  readonly #options: LineageOptions;
  /** What `os` topics had written is here, as far as the machine did not crash. */
  readonly keepsUnflushed: boolean;
  #lineages: Lineages;
  #storing: Promise<void> = Promise.resolve();

  private constructor(options: LineageOptions, lineages: Lineages, keepsUnflushed: boolean) {
    this.#options = options;
    this.#lineages = lineages;
    this.keepsUnflushed = keepsUnflushed;
  }

  /** Durable when it resolves. A file that does not parse is none: what it vouched for is gone. */
  static async open(options: LineageOptions): Promise<LineageFile> {
    const bytes = await options.disk.readFile(place.name);
    const stored = parse(bytes);
    if (bytes !== undefined && stored === undefined) {
      options.log.warn("a file can not be read, and begins anew", { ...place });
    }
    const fsync = stored?.fsync ?? makeLineage(options);
    const isSameBoot = options.bootId !== undefined && stored?.bootId === options.bootId;
    const keepsUnflushed = stored !== undefined && (options.wasClean || isSameBoot);
    const os = keepsUnflushed ? stored.os : makeLineage(options);
    const lost = stored?.lost !== undefined && { lost: stored.lost };
    const file = new LineageFile(options, { fsync, os, ...lost }, keepsUnflushed);
    await file.#store();
    return file;
  }

  get lineages(): Lineages {
    return this.#lineages;
  }

  /** A log has lost what this node may have acknowledged: it begins anew as a replica. */
  async renew(): Promise<void> {
    this.#lineages = { fsync: makeLineage(this.#options), os: makeLineage(this.#options) };
    await this.#store();
  }

  /** These replicas have lost what this node may have acknowledged; the others are vouched for. */
  async lose(replicas: readonly LostReplica[]): Promise<void> {
    const lost = this.#withLost(replicas);
    if (lost.length > lostReplicasMax) return await this.#loseUnflushed(replicas);
    if (lost.length === (this.#lineages.lost?.length ?? 0)) return;
    this.#lineages = { ...this.#lineages, lost };
    await this.#store();
  }

  async #loseUnflushed(replicas: readonly LostReplica[]): Promise<void> {
    const lost = this.#withLost(replicas.filter(({ durability }) => durability === "fsync"));
    if (lost.length > lostReplicasMax) return await this.renew();
    const { fsync } = this.#lineages;
    const os = makeLineage(this.#options);
    this.#lineages = { fsync, os, ...(lost.length > 0 && { lost }) };
    await this.#store();
  }

  #withLost(replicas: readonly LostReplica[]): string[] {
    return [...new Set([...(this.#lineages.lost ?? []), ...replicas.map(({ chain }) => chain)])];
  }

  /** What was lost of a replica is nothing that anybody counts on here any more. */
  async regain(chain: string): Promise<void> {
    const { lost = [], ...lineages } = this.#lineages;
    if (!lost.includes(chain)) return;
    const left = lost.filter((one) => one !== chain);
    this.#lineages = left.length === 0 ? lineages : { ...lineages, lost: left };
    await this.#store();
  }

  /** One after the other, each what is known by then: two at once would write into each other. */
  #store(): Promise<void> {
    this.#storing = this.#storing.then(
      () => this.#write(),
      () => this.#write(),
    );
    return this.#storing;
  }

  #write(): Promise<void> {
    const { disk, bootId = null } = this.#options;
    const stored: Stored = { ...this.#lineages, bootId };
    return replaceFile(disk, place, encodeUtf8(`${JSON.stringify(stored)}\n`));
  }
}

function makeLineage({ random }: LineageOptions): string {
  return formatUuid(makeUuid(random));
}

function parse(bytes: Uint8Array | undefined): Stored | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { fsync, os, lost, bootId = null } = JSON.parse(decodeUtf8(bytes)) as Partial<Stored>;
    const isWhole = typeof fsync === "string" && typeof os === "string";
    return isWhole ? { fsync, os, ...(lost && { lost }), bootId } : undefined;
  } catch {
    return undefined;
  }
}
