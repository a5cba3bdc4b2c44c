import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { Disk } from "../../ports/disk.ts";
import { measureDirectory } from "../directory/measure-directory.ts";
import type { AppendOptions } from "../partition-log.ts";

export interface AppendRoomParts {
  readonly disk: Disk;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the broker itself writes, as offsets of groups, may take this part of the reserve. */
const ownPart = 0.5;
/** Going over all files takes at most this part of the time. */
const measuringPart = 0.05;
/** A disk that refused something, and may not say why, is full for so long. */
const quietMs = 10_000;
/** Index files are not counted as they are written: a measure corrects that. */
const measureEveryMs = 60_000;

/**
 * Whether the data directory has room for appends (storage.md, promise 6). They are refused while
 * less than `log.disk.reserve.bytes` would be left, so that checkpoints and deletions still work,
 * and past `log.disk.max.bytes`. The disk is asked at an interval and when it refused something;
 * between two answers what was appended is taken off.
 */
export class AppendRoom {
  readonly #parts: AppendRoomParts;
  /** At the last look, less what came since. */
  #freeBytes = Infinity;
  #freeFiles = Infinity;
  #usedBytes = 0;
  /** Taken in and not written yet. */
  #queuedBytes = 0;
  #refusedAppends = 0;
  #isFull = false;
  readonly #listeners = new Set<() => void>();
  #refusedMs = -Infinity;
  /** The largest batch refused since there was no room. */
  #refusedBytes = 0;
  #looking: Promise<void> | undefined;
  #measuredMs = -Infinity;
  #measureAfterMs = -Infinity;

  constructor(parts: AppendRoomParts) {
    this.#parts = parts;
  }

  /** Infinity: nobody else takes space on this disk. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Bytes of all files; 0 where no `log.disk.max.bytes` asks for it. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get refusedAppends(): number {
    return this.#refusedAppends;
  }

  /** Something was refused; what can be removed is better gone soon. */
  get isFull(): boolean {
    return this.#isFull;
  }

  onFull(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Throws DISK_FULL when there is no room for a batch, else takes it off. */
  take(sizeBytes: number, origin: AppendOptions["origin"]): void {
    const refusal = this.#findRefusal(sizeBytes, origin);
    if (refusal !== undefined) throw this.#refuse(refusal, sizeBytes);
    this.#freeBytes -= sizeBytes;
    this.#usedBytes += sizeBytes;
    this.#queuedBytes += sizeBytes;
  }

  /** So many bytes that were taken in are written, or never will be. */
  settle(sizeBytes: number): void {
    this.#queuedBytes -= sizeBytes;
  }

  /** The disk refused a write by itself: tells once, and looks how much is left. */
  noteRefused(error: XylemError, count: number): void {
    this.#refusedAppends += count;
    this.#refusedMs = this.#parts.clock.monotonicMs();
    this.#tellFull(error.message);
    this.look().catch(() => undefined);
  }

  /** Asks the disk. Rejects as Disk.space and Disk.list do. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { disk, settings } = this.#parts;
    const space = await disk.space();
    this.#freeBytes = (space?.freeBytes ?? Infinity) - this.#queuedBytes;
    this.#freeFiles = space?.freeFiles ?? Infinity;
    if (settings["log.disk.max.bytes"] >= 0 && this.#isMeasureDue()) await this.#measure();
    if (!this.#isFull || !this.#hasRoom()) return;
    this.#isFull = false;
    this.#refusedBytes = 0;
    this.#parts.log.info("there is room again: appends are taken", this.#figures());
  }

  /** For what was refused: a little space that comes and goes is not told each time. */
  #hasRoom(): boolean {
    if (this.#findRefusal(this.#refusedBytes, "client") !== undefined || this.#freeFiles < 1)
      return false;
    return this.#parts.clock.monotonicMs() - this.#refusedMs >= quietMs;
  }

  #isMeasureDue(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < this.#measureAfterMs) return false;
    return this.#isFull || nowMs - this.#measuredMs >= measureEveryMs;
  }

  async #measure(): Promise<void> {
    const { disk, clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const sizeBytes = await measureDirectory(disk);
    const nowMs = clock.monotonicMs();
    this.#usedBytes = sizeBytes + this.#queuedBytes;
    this.#measuredMs = nowMs;
    this.#measureAfterMs = nowMs + (nowMs - startMs) / measuringPart;
  }

  #findRefusal(sizeBytes: number, origin: AppendOptions["origin"]): string | undefined {
    const { settings } = this.#parts;
    const isOwn = origin === "coordinator";
    const reserveBytes = settings["log.disk.reserve.bytes"];
    const keptBytes = isOwn ? reserveBytes * ownPart : reserveBytes;
    if (this.#freeBytes - sizeBytes < keptBytes) {
      return `the disk has ${this.#freeBytes} bytes left, log.disk.reserve.bytes=${reserveBytes}`;
    }
    const bytesMax = settings["log.disk.max.bytes"];
    if (bytesMax < 0 || isOwn || this.#usedBytes + sizeBytes <= bytesMax) return undefined;
    return `the data directory holds ${this.#usedBytes} bytes, log.disk.max.bytes=${bytesMax}`;
  }

  #refuse(refusal: string, sizeBytes: number): XylemError {
    this.#refusedAppends += 1;
    this.#refusedBytes = Math.max(this.#refusedBytes, sizeBytes);
    const hint = "delete topics or records, shorten retention, or give it more space";
    const detail = `no room for appends: ${refusal}; ${hint}`;
    this.#tellFull(detail);
    return new XylemError("DISK_FULL", detail);
  }

  /** Once until there is room again. */
  #tellFull(why: string): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#parts.log.error("appends are refused, reads go on", { ...this.#figures(), why });
    for (const listener of this.#listeners) listener();
  }

  #figures(): { freeBytes: number; usedBytes?: number } {
    const bytesMax = this.#parts.settings["log.disk.max.bytes"];
    const used = bytesMax < 0 ? {} : { usedBytes: this.#usedBytes };
    return { freeBytes: this.#freeBytes, ...used };
  }
}
