import { formatUuid, type Uuid, zeroUuid } from "../../base/uuid.ts";
import type { PartitionPlace } from "./mirror-topics.ts";

const retryMsMin = 250;
const retryMsMax = 10_000;

/** Where one partition is copied from and to, and how far. */
export class PartitionCopy {
  readonly topic: string;
  readonly index: number;
  /** At the source: another id is another topic of this name; zeros where there are no ids. */
  topicId: Uuid = zeroUuid;
  sourceLeaderId = -1;
  targetLeaderId = -1;
  isDense = true;
  /** The next offset to fetch; undefined: the ends have to be asked first. */
  position: number | undefined;
  /** The source's leader epoch of what comes before an offset; -1: not known. */
  last: { readonly epoch: number; readonly next: number } = { epoch: -1, next: -1 };
  /** At the source now, as metadata told; -1: not known. */
  sourceEpoch = -1;
  /** A source that does not know the epochs of its records is not told of them. */
  tellsEpochs = true;
  /** The source has cut its log back to there, and what was copied beyond is not in it any more. */
  cutTo = Infinity;
  /** Below it the target has acknowledged everything. */
  copied = 0;
  /** What the source had committed when it was asked last. */
  sourceEnd = 0;
  appendsInFlight = 0;
  /** When a fetch was sent that found nothing left to copy. */
  caughtUpMs = -1;
  retryAtMs = 0;
  #failureCount = 0;

  constructor(topic: string, index: number) {
    this.topic = topic;
    this.index = index;
  }

  get sourceId(): string {
    return formatUuid(this.topicId);
  }

  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  get lag(): number {
    return Math.max(0, this.sourceEnd - this.copied);
  }

  /** Where it is now. A topic that was made anew is looked at from the beginning. */
  follow(topicId: Uuid, source: PartitionPlace, target: PartitionPlace): void {
    const isNew = this.topicId !== zeroUuid && formatUuid(topicId) !== this.sourceId;
    this.topicId = topicId;
    this.sourceLeaderId = source.leaderId;
    this.sourceEpoch = source.leaderEpoch;
    this.targetLeaderId = target.leaderId;
    if (!isNew) return;
    this.position = undefined;
    this.last = { epoch: -1, next: -1 };
    this.tellsEpochs = true;
    this.cutTo = Infinity;
  }

  /** Nothing is known of its end at the target any more. */
  retryLater(nowMs: number): void {
    this.position = undefined;
    this.caughtUpMs = -1;
    this.retryAtMs = nowMs + Math.min(retryMsMax, retryMsMin * 2 ** this.#failureCount);
    this.#failureCount = Math.min(this.#failureCount + 1, 10);
  }

  noteCopied(next: number): void {
    this.copied = Math.max(this.copied, next);
    this.#failureCount = 0;
  }
}
