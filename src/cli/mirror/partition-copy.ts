import { equalBytes } from "../../base/bytes.ts";
import { formatUuid, type Uuid, zeroUuid } from "../../base/uuid.ts";
import type { PartitionPlace, TopicIds } from "./mirror-topics.ts";

const retryMsMin = 250;
const retryMsMax = 10_000;
const noId = formatUuid(zeroUuid);

/** What one fetch asks of a partition. */
export interface Wish {
  readonly topic: string;
  readonly index: number;
  readonly name: string;
  readonly topicId: Uuid;
  readonly targetId: string;
  readonly position: number;
  readonly sourceEpoch: number;
  readonly last: { readonly epoch: number; readonly next: number };
  readonly tellsEpochs: boolean;
}

/** Where one partition is copied from and to, and how far. */
export class PartitionCopy {
  readonly topic: string;
  readonly index: number;
  /** At the source: another id is another topic of this name; zeros where there are no ids. */
  topicId: Uuid = zeroUuid;
  /** At the target, as text. */
  targetId = noId;
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
  /** Below it the target has acknowledged everything; what is true of it now `sameUpTo` says. */
  copied = 0;
  /** What the source had committed when it was asked last. */
  sourceEnd = 0;
  appendsInFlight = 0;
  /** It is not at the source any more. */
  isGone = false;
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

  /**
   * Up to there an offset means the same on both sides. Undefined: what the target has is to be
   * looked at first, after a failure, or as it may be of another topic.
   */
  get sameUpTo(): number | undefined {
    return this.position === undefined ? undefined : this.copied;
  }

  get name(): string {
    return `${this.topic}-${this.index}`;
  }

  /** What is fetched next, as it is now. */
  get wish(): Wish {
    const { topic, index, name, topicId, targetId, position = 0 } = this;
    const { sourceEpoch, last, tellsEpochs } = this;
    return { topic, index, name, topicId, targetId, position, sourceEpoch, last, tellsEpochs };
  }

  /** Whether what was fetched of it comes next still: another lane may have gone on with it. */
  wants({ topicId, targetId, position }: Wish): boolean {
    const isSame = equalBytes(topicId, this.topicId) && targetId === this.targetId;
    return isSame && position === this.position;
  }

  get lag(): number {
    return Math.max(0, this.sourceEnd - this.copied);
  }

  /**
   * Where it is now. Nothing of what was known holds where a topic was made anew, on either side;
   * answers whether one was.
   */
  follow(ids: TopicIds, source: PartitionPlace, target: PartitionPlace): boolean {
    const { sourceId, targetId } = this;
    this.topicId = ids.topicId;
    this.targetId = formatUuid(ids.targetId);
    this.sourceLeaderId = source.leaderId;
    this.sourceEpoch = source.leaderEpoch;
    this.targetLeaderId = target.leaderId;
    const isAnew = isOther(sourceId, this.sourceId) || isOther(targetId, this.targetId);
    if (isAnew) this.#forget();
    return isAnew;
  }

  #forget(): void {
    this.position = undefined;
    this.last = { epoch: -1, next: -1 };
    this.tellsEpochs = true;
    this.cutTo = Infinity;
    this.copied = 0;
    this.sourceEnd = 0;
    this.caughtUpMs = -1;
    this.retryAtMs = 0;
    this.#failureCount = 0;
  }

  /** Nothing is known of its end at the target any more. */
  retryLater(nowMs: number): void {
    this.position = undefined;
    this.caughtUpMs = -1;
    this.retryAtMs = nowMs + Math.min(retryMsMax, retryMsMin * 2 ** this.#failureCount);
    this.#failureCount = Math.min(this.#failureCount + 1, 10);
  }

  noteCopied(next: number): void {
    this.#failureCount = 0;
    // What is answered late may have gone to a topic that is no more.
    if (this.position !== undefined) this.copied = Math.max(this.copied, next);
  }
}

/** Whether two ids are of two topics; who has no ids says nothing of it. */
export function isOther(one: string, other: string): boolean {
  return one !== other && one !== noId && other !== noId;
}
