import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MalformedError } from "../../base/errors.ts";
import { decodeUtf8 } from "../../base/text.ts";
import { isZeroUuid, type Uuid, zeroUuid } from "../../base/uuid.ts";
import { epochsFileName, metadataFileName } from "../../broker/partition/partition-folder.ts";
import { truncationNoteName } from "../../broker/partition/replica/truncation.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { keysFileName, parseKeys } from "../../log/idempotency/key-table-file.ts";
import type { BatchWalk } from "../../log/batch-walk.ts";
import { LeaderEpochs } from "../../log/leader-epochs.ts";
import { formatPartitionMetadata, parsePartitionMetadata } from "../../log/partition-metadata.ts";
import { readProducerSnapshot } from "../../log/producer-snapshot.ts";
import { formatSegmentName, parseSegmentName } from "../../log/segment-name.ts";
import { parseTruncationNote, type TruncationNote } from "../../log/truncation-note.ts";
import { TransactionIndex } from "../../log/transaction-index.ts";
import { currentMagic } from "../../protocol/record-batch.ts";
import { systemCode } from "../../storage/disk-error.ts";
import { EpochCheck } from "./verify-epochs.ts";
import { ReadOnlyFile } from "./verify-file.ts";
import type { Finding, FoundAt, VerifyTotals } from "../../broker/scrub/finding.ts";
import { type IndexCheck, OffsetIndexCheck, TimeIndexCheck } from "./verify-index.ts";
import { TransactionCheck } from "./verify-transactions.ts";
import { type BadBytes, scrubSegment } from "./verify-segment.ts";

const smallFileNames: readonly string[] = [epochsFileName, metadataFileName, keysFileName];

export interface PartitionToVerify {
  readonly topic: string;
  readonly partition: number;
  readonly folder: string;
  /** From the checkpoints; 0 where they do not say. */
  readonly recoveryPoint: number;
  readonly logStart: number;
  readonly isClean: boolean;
  /** As of TopicKey: what no batch holds was lost. */
  readonly isDense: boolean;
}

export interface ScrubbedPartition {
  /** Undefined: it has no segment. */
  readonly end: number | undefined;
  readonly firstBase: number | undefined;
  /** Where the first segment ends. */
  readonly firstEnd: number;
  /** Undefined: its metadata do not say. */
  readonly topicId: Uuid | undefined;
}

export interface VerifyRun {
  readonly totals: VerifyTotals;
  readonly report: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

type Checks = { index: IndexCheck; name: string }[];

/** Goes over everything in the folder of one partition. */
export class PartitionScrub {
  readonly #what: PartitionToVerify;
  readonly #run: VerifyRun;
  readonly #transactions = new TransactionCheck();
  readonly #epochsSeen = new EpochCheck();
  #epochs: LeaderEpochs | undefined;
  #topicId: Uuid | undefined;
  #largestEpoch = -1;
  #isEpochsFaultTold = false;
  /** What the next start does first. */
  #cut: TruncationNote | undefined;

  constructor(what: PartitionToVerify, run: VerifyRun) {
    this.#what = what;
    this.#run = run;
  }

  async run(): Promise<ScrubbedPartition> {
    this.#run.totals.partitions += 1;
    const names = (await readdir(this.#what.folder)).toSorted();
    if (names.includes(truncationNoteName)) await this.#readCut();
    await this.#readSmallFiles(names);
    const bases = names.flatMap((name) => {
      const parsed = parseSegmentName(name);
      return parsed?.suffix === ".log" ? [parsed.baseOffset] : [];
    });
    const { recoveryPoint, logStart } = this.#what;
    let end: number | undefined;
    for (const [index, baseOffset] of bases.entries()) {
      if (end !== undefined) this.#compareWithEnd(baseOffset, end);
      const scrubbed = await this.#scrub(baseOffset, bases[index + 1], names);
      end = Math.max(end ?? 0, scrubbed);
    }
    const reached = Math.max(end ?? 0, logStart);
    if (reached < Math.min(recoveryPoint, this.#cut?.end ?? recoveryPoint)) {
      const file = bases.length === 0 ? "*.log" : formatSegmentName(bases.at(-1) ?? 0, ".log");
      const lost = { firstLostOffset: reached, lastLostOffset: recoveryPoint - 1 };
      this.#damage({ file }, "the log ends before what was flushed to it", lost);
    }
    this.#compareEpochs(names.includes(epochsFileName));
    const firstEnd = bases[1] ?? end ?? 0;
    return { end, firstBase: bases[0], firstEnd, topicId: this.#topicId };
  }

  async #readCut(): Promise<void> {
    const file = truncationNoteName;
    await this.#guard(file, undefined, async () => {
      const cut = parseTruncationNote(await readFile(join(this.#what.folder, file)));
      this.#note(
        { file },
        `the next start cuts the log at ${cut.end}; what is behind counts no more`,
      );
      this.#cut = cut;
    });
  }

  /** It lies behind where the next start cuts the log. */
  #isToGo({ file, position = 0 }: FoundAt): boolean {
    const parsed = parseSegmentName(file);
    if (this.#cut === undefined || parsed === undefined) return false;
    const { baseOffset, sizeBytes, isRestart } = this.#cut;
    if (isRestart || parsed.baseOffset > baseOffset) return true;
    // Its indexes are cut along.
    const isCut = parsed.suffix !== ".log" || position >= sizeBytes;
    return parsed.baseOffset === baseOffset && isCut;
  }

  #compareEpochs(isThere: boolean): void {
    if (!this.#what.isClean || this.#isEpochsFaultTold) return;
    const why = this.#epochsSeen.finish(this.#epochs, this.#what);
    if (why === undefined) return;
    if (isThere) this.#damage({ file: epochsFileName }, why);
    else this.#note({ file: epochsFileName }, "it is not there; a start makes it again");
  }

  #compareWithEnd(baseOffset: number, end: number): void {
    const file = formatSegmentName(baseOffset, ".log");
    if (baseOffset > end) {
      const why = `a gap before it: offsets ${end}..${baseOffset - 1} are in no segment`;
      if (this.#what.isDense) this.#damage({ file }, why, lostOffsets(end, baseOffset));
      else this.#note({ file }, why);
    } else if (baseOffset < end) {
      this.#damage({ file }, `it begins below ${end}, where the segment before it ends`);
    }
  }

  /** Files that are read as a whole: what does not parse is damaged, and no record with it. */
  async #readSmallFiles(names: readonly string[]): Promise<void> {
    if (!names.includes(metadataFileName)) {
      this.#note({ file: metadataFileName }, "it is not there: the folder's name alone counts");
    }
    for (const name of names) {
      this.#run.signal.throwIfAborted();
      if (/\.(swap|cleaned|deleted|tmp)$/.test(name)) {
        this.#note({ file: name }, "left over; the next start finishes or removes it");
      }
      const isSnapshot = parseSegmentName(name)?.suffix === ".snapshot";
      if (!isSnapshot && !smallFileNames.includes(name)) continue;
      await this.#guard(name, undefined, async () => {
        const bytes = await readFile(join(this.#what.folder, name));
        if (isSnapshot) readProducerSnapshot(bytes, crc32c, 0);
        else if (name === keysFileName) parseKeys(bytes, zeroUuid, crc32c);
        else if (name === metadataFileName) this.#readTopicId(decodeUtf8(bytes));
        else this.#readEpochs(decodeUtf8(bytes));
      });
    }
  }

  #readTopicId(text: string): void {
    const id = parsePartitionMetadata(text);
    const plain = text.replaceAll("\r", "").replace(/\n$/, "");
    if (plain !== formatPartitionMetadata(id)) throw new MalformedError("nobody writes it so");
    if (!isZeroUuid(id)) this.#topicId = id;
  }

  #readEpochs(text: string): void {
    const epochs = LeaderEpochs.parse(text);
    if (!epochs.isWrittenAs(text)) throw new MalformedError("nobody writes it so");
    if (epochs.entries.length > 0) this.#epochs = epochs;
  }

  /** Answers where the segment ends. */
  async #scrub(
    baseOffset: number,
    nextOffset: number | undefined,
    names: readonly string[],
  ): Promise<number> {
    const name = formatSegmentName(baseOffset, ".log");
    const { recoveryPoint, isClean, folder } = this.#what;
    const { totals } = this.#run;
    totals.segments += 1;
    const checks = await this.#openIndexes(baseOffset, names);
    let end = nextOffset ?? Math.max(baseOffset, recoveryPoint);
    const lost = { firstOffset: baseOffset, endOffset: end };
    await this.#guard(name, lost, async () => {
      const file = await ReadOnlyFile.open(join(folder, name), this.#run.signal);
      try {
        totals.bytes += file.sizeBytes;
        const bounds = { baseOffset, nextOffset, recoveryPoint, isClean };
        end = await scrubSegment(file, bounds, {
          indexes: checks.map(({ index }) => index),
          onBatch: (walk, position) => this.#count(walk, { file: name, position }),
          onBad: (bad) => this.#reportBad(name, bad),
        });
        // A crash during a roll leaves the closed segment's last entries to the next start.
        const isPastPoint = nextOffset === undefined || nextOffset > recoveryPoint;
        this.#reportIndexes(checks, isPastPoint && !isClean);
        if (nextOffset !== undefined || isClean) {
          await this.#checkTransactions({ baseOffset, endOffset: end }, names);
        }
      } finally {
        await file.close();
      }
    });
    return end;
  }

  /** What a segment's `.txnindex` says of aborted transactions; absent it says there are none. */
  async #checkTransactions(
    bounds: { readonly baseOffset: number; readonly endOffset: number },
    names: readonly string[],
  ): Promise<void> {
    const file = formatSegmentName(bounds.baseOffset, ".txnindex");
    const isThere = names.includes(file);
    const bytes = isThere ? await readFile(join(this.#what.folder, file)) : new Uint8Array(0);
    const { index, isWhole } = TransactionIndex.parse(bytes, bounds);
    const remedy = "it can be made again from the log";
    if (!isWhole) this.#damage({ file }, `entry ${index.count} can not be; ${remedy}`);
    if (this.#what.isDense) {
      for (const { lastOffset } of this.#transactions.findStrays(index)) {
        this.#damage({ file }, `no transaction was aborted so at ${lastOffset}; ${remedy}`);
      }
    }
    for (const { producerId, firstOffset, lastOffset } of this.#transactions.takeMissing(index)) {
      const which = `of producer ${producerId}, offsets ${firstOffset} to ${lastOffset}`;
      this.#damage({ file }, `the aborted transaction ${which}, is missing; ${remedy}`);
    }
  }

  async #openIndexes(baseOffset: number, names: readonly string[]): Promise<Checks> {
    const checks: Checks = [];
    for (const suffix of [".index", ".timeindex"] as const) {
      const name = formatSegmentName(baseOffset, suffix);
      if (!names.includes(name)) {
        this.#note({ file: name }, "it is not there; a start makes it again");
        continue;
      }
      await this.#guard(name, undefined, async () => {
        const bytes = await readFile(join(this.#what.folder, name));
        const index =
          suffix === ".index"
            ? new OffsetIndexCheck(bytes, baseOffset)
            : new TimeIndexCheck(bytes, baseOffset);
        if (index instanceof TimeIndexCheck) index.mayBeEmpty = !this.#what.isDense;
        checks.push({ name, index });
      });
    }
    return checks;
  }

  #count(walk: BatchWalk, at: FoundAt): void {
    const { totals } = this.#run;
    totals.batches += 1;
    if (walk.magic !== currentMagic) {
      totals.records += 1;
      return;
    }
    totals.records += walk.batch.recordCount;
    this.#transactions.see(walk);
    this.#checkEpoch(walk, at);
  }

  /** The sum of a batch does not cover its epoch: those before it and the checkpoint must agree. */
  #checkEpoch(walk: BatchWalk, at: FoundAt): void {
    const { leaderEpoch, baseOffset } = walk;
    if (leaderEpoch === -1) return;
    const latest = this.#epochs?.latest ?? Number.POSITIVE_INFINITY;
    const { isClean } = this.#what;
    if (leaderEpoch < this.#largestEpoch || (isClean && leaderEpoch > latest)) {
      const why = `its leader epoch ${leaderEpoch} does not go on from ${this.#largestEpoch}`;
      this.#damage(at, `${why}; the records are whole`);
      return;
    }
    this.#largestEpoch = leaderEpoch;
    this.#epochsSeen.visit(leaderEpoch, baseOffset);
    const noted = this.#epochs?.find(baseOffset) ?? leaderEpoch;
    // Epochs are forgotten with the records below the log start, of which segments may keep some.
    const isForgotten = noted === -1 && baseOffset < this.#what.logStart;
    if (noted === leaderEpoch || isForgotten || !isClean || this.#isEpochsFaultTold) return;
    this.#isEpochsFaultTold = true;
    const why = `it gives offset ${baseOffset} the epoch ${noted}, the log ${leaderEpoch}`;
    this.#damage({ file: epochsFileName }, why);
  }

  #reportBad(file: string, bad: BadBytes): void {
    const { position, endPosition, firstOffset, endOffset, why } = bad;
    const at = { file, position, sizeBytes: endPosition - position };
    if (bad.isTorn) {
      this.#note(at, `a torn end (${why}): never flushed, the next start cuts it`);
    } else this.#damage(at, why, lostOffsets(firstOffset, endOffset));
  }

  #reportIndexes(checks: Checks, isTailOpen: boolean): void {
    for (const { index, name: file } of checks) {
      index.finish();
      for (const { position, why, isTail } of index.faults) {
        if (isTail && isTailOpen) this.#note({ file, position }, why);
        else this.#damage({ file, position }, `${why}; it can be made again from the log`);
      }
    }
  }

  /** A file that the system can not read, or that does not parse, is damaged; the rest goes on. */
  async #guard(
    file: string,
    lost: { firstOffset: number; endOffset: number } | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const isRead = systemCode(error) !== undefined || error instanceof MalformedError;
      if (!isRead || !(error instanceof Error)) throw error;
      this.#damage(
        { file },
        `it can not be read: ${error.message}`,
        lost === undefined ? {} : lostOffsets(lost.firstOffset, lost.endOffset),
      );
    }
  }

  #damage(at: FoundAt, why: string, lost: Partial<Finding> = {}): void {
    if (this.#isToGo(at)) return;
    const { topic, partition } = this.#what;
    this.#run.report({ kind: "damage", topic, partition, ...at, why, ...lost });
  }

  #note(at: FoundAt, why: string): void {
    const { topic, partition } = this.#what;
    this.#run.report({ kind: "note", topic, partition, ...at, why });
  }
}

function lostOffsets(firstOffset: number, endOffset: number): Partial<Finding> {
  if (endOffset <= firstOffset) return {};
  return { firstLostOffset: firstOffset, lastLostOffset: endOffset - 1 };
}
