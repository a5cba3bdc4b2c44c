import { equalBytes } from "../../../base/bytes.ts";
import type { Clock } from "../../../base/clock.ts";
import { portableCrc32c } from "../../../base/crc32c.ts";
import type { Log } from "../../../base/log.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { chainsPrefix, type ChainConfig } from "../../../replication/chain-config.ts";
import type { Life } from "../../../replication/controller/chain-ask.ts";
import { replaceFile } from "../../partition/directory/replace-file.ts";
import type { Disk } from "../../ports/disk.ts";

const place = { directory: "", name: "xylem.chains" };
/** Between two writes that nobody waits for: all chains may change at once. */
const pauseMs = 200;
const linePattern = /^([^ /]+[/][0-9]+) ([0-9]+) ([0-9a-f]{8}) ([0-9,]*)( gone)?$/;

/** Lines of their own, which the version before passes over. */
const uncleanPattern = /^([^ /]+[/][0-9]+) unclean ([0-9]+)$/;

/** The newest configuration of a chain that this node has taken part in, or was told to leave. */
export interface KnownChain {
  readonly epoch: number;
  /** As of KnownEpoch. */
  readonly memberIds: readonly number[];
  readonly unclean: number;
  /** Of all that is the same throughout an epoch. */
  readonly sum: string;
  /** This node has given up its replica: it is somewhere else. */
  readonly isGone: boolean;
}

export interface KnownChainsParts {
  readonly disk: Disk;
  readonly log: Log;
  readonly clock: Clock;
  /** This node in its present life. */
  readonly self: Life;
}

/**
 * Which epochs this data directory has seen of the chains that it has, or had, replicas of, in its
 * file `xylem.chains`: one line a chain, one more where it ever began uncleanly, and the sum of
 * all. A coordinator that was restored from a backup is found out by it, also where no record was
 * written in an epoch that it forgot, or where the replica is gone; and so is a folder that can not
 * be a chain's, as none ever ran here. Losing the file loses that and nothing else.
 */
export class KnownChains {
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #self: Life;
  readonly #chains: Map<string, KnownChain>;
  /** The file was there: of a chain that it does not name no replica ever ran here. */
  readonly isWhole: boolean;
  /** Changes so far, and how many of them the last write began with and the disk has. */
  #noted = 0;
  #begun = 0;
  #durable = 0;
  #writing: Promise<void> | undefined;
  /** After a write, until there is a next one. */
  #isPaused = false;
  #hasFailed = false;
  #cancel = (): void => {};

  private constructor(
    { disk, log, clock, self }: KnownChainsParts,
    chains: Map<string, KnownChain> | undefined,
  ) {
    this.#disk = disk;
    this.#log = log;
    this.#clock = clock;
    this.#self = self;
    this.isWhole = chains !== undefined;
    this.#chains = chains ?? new Map();
  }

  static async open(parts: KnownChainsParts): Promise<KnownChains> {
    const { disk, log } = parts;
    const bytes = await disk.readFile(place.name);
    const chains = bytes && parse(bytes);
    const isSpoiled = bytes !== undefined && chains === undefined;
    if (isSpoiled) log.warn("a file can not be read, and begins anew", { ...place });
    return new KnownChains(parts, chains);
  }

  find(key: string): KnownChain | undefined {
    return this.#chains.get(key);
  }

  /**
   * The configuration is older than what this node knows: the coordinator went back in time, and
   * may have gone on since to an epoch of the same number.
   */
  isAhead(key: string, config: ChainConfig): boolean {
    const known = this.#chains.get(key);
    if (known === undefined || config.epoch > known.epoch) return false;
    return config.epoch < known.epoch || sumOf(config) !== known.sum;
  }

  /** Takes it as the newest; durable some moments later, or with `stored`. */
  note(key: string, config: ChainConfig, { isGone }: { readonly isGone: boolean }): void {
    const known = this.#chains.get(key);
    if (known?.epoch === config.epoch && known.isGone === isGone) return;
    const memberIds = this.#membersOf(config, known);
    const { epoch, unclean } = config;
    this.#chains.set(key, { epoch, memberIds, unclean, sum: sumOf(config), isGone });
    this.#storeSoon();
  }

  /** A former life of this node that this directory knows nothing of had another disk. */
  #membersOf({ members }: ChainConfig, known: KnownChain | undefined): number[] {
    const { id: self, incarnation } = this.#self;
    const mayCount = (member: Life): boolean =>
      member.id !== self ||
      member.incarnation === incarnation ||
      known?.memberIds.includes(self) === true;
    return members.filter(mayCount).map(({ id }) => id);
  }

  /** The topic is deleted. */
  forget(key: string): void {
    if (this.#chains.delete(key)) this.#storeSoon();
  }

  /** Forgets chains of topics that are not there, but for some: they may come back. */
  keepOnly(isThere: (key: string) => boolean, strangersMax: number): void {
    const strangers = [...this.#chains.keys()].filter((key) => !isThere(key));
    for (const key of strangers.slice(strangersMax)) this.forget(key);
  }

  /** Makes durable what is known now. Throws what the disk does. */
  async stored(): Promise<void> {
    const due = this.#noted;
    while (this.#durable < due) await (this.#writing ?? this.#store());
  }

  /** Nothing is noted afterwards. */
  async close(): Promise<void> {
    this.#cancel();
    await this.stored().catch((error: Error) => this.#warn(error));
  }

  #storeSoon(): void {
    this.#noted += 1;
    if (!this.#isPaused) this.#storeInBackground();
  }

  #storeInBackground(): void {
    this.#isPaused = true;
    this.#pause();
    const written = this.#writing ?? this.#store();
    written.catch((error: Error) => this.#warn(error));
  }

  #pause(): void {
    this.#cancel = this.#clock.schedule(pauseMs, () => {
      // Whether what is under way is to be written again shows when it ends.
      if (this.#writing !== undefined) return this.#pause();
      this.#isPaused = false;
      if (this.#begun < this.#noted) this.#storeInBackground();
    });
  }

  /** Once until it went well: it is tried again and again. */
  #warn({ message: why }: Error): void {
    if (!this.#hasFailed) this.#log.warn("what is known of chains is not stored", { why });
    this.#hasFailed = true;
  }

  /** One after the other, each what is known by then. */
  #store(): Promise<void> {
    const begun = (this.#begun = this.#noted);
    const written = replaceFile(this.#disk, place, format(this.#chains)).then(
      () => {
        this.#writing = undefined;
        this.#durable = begun;
        this.#hasFailed = false;
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#begun = this.#durable;
        throw error;
      },
    );
    this.#writing = written;
    return written;
  }
}

function sumOf({ members, unclean }: ChainConfig): string {
  const lives = members.map(({ id, incarnation }) => `${id} ${incarnation}`);
  return hex(portableCrc32c(encodeUtf8([...lives, unclean].join(" "))));
}

function format(chains: ReadonlyMap<string, KnownChain>): Uint8Array {
  const lines = [...chains].map(([key, { epoch, sum, memberIds, unclean, isGone }]) => {
    const name = key.slice(chainsPrefix.length);
    const line = `${name} ${epoch} ${sum} ${memberIds.join(",")}${isGone ? " gone" : ""}\n`;
    return unclean === 0 ? line : `${line}${name} unclean ${unclean}\n`;
  });
  const text = lines.join("");
  return encodeUtf8(`${text}${hex(portableCrc32c(encodeUtf8(text)))}\n`);
}

/** Undefined: it is not whole. */
function parse(bytes: Uint8Array): Map<string, KnownChain> | undefined {
  const sumBytes = 9;
  const at = bytes.length - sumBytes;
  if (at < 0) return undefined;
  const sum = encodeUtf8(`${hex(portableCrc32c(bytes.subarray(0, at)))}\n`);
  if (!equalBytes(sum, bytes.subarray(at))) return undefined;
  const chains = new Map<string, KnownChain>();
  for (const line of decodeUtf8(bytes.subarray(0, at)).split("\n")) {
    const [, marked = "", mark] = uncleanPattern.exec(line) ?? [];
    const before = chains.get(chainsPrefix + marked);
    if (before !== undefined)
      chains.set(chainsPrefix + marked, { ...before, unclean: Number(mark) });
    const [, name, epoch, members, ids = "", gone] = linePattern.exec(line) ?? [];
    if (name === undefined || members === undefined) continue;
    const memberIds = ids === "" ? [] : ids.split(",").map(Number);
    const whole = { epoch: Number(epoch), memberIds, sum: members, isGone: gone !== undefined };
    chains.set(chainsPrefix + name, { ...whole, unclean: 0 });
  }
  return chains;
}

function hex(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, "0");
}
