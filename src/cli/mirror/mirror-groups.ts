import { formatUuid } from "../../base/uuid.ts";
import type { KafkaCluster } from "./kafka-cluster.ts";
import { commitOffsets, fetchOffsets, type GroupOffset } from "./mirror-marks.ts";
import type { MirrorReport } from "./mirror-report.ts";
import { isOther } from "./partition-copy.ts";
import { WireFailure } from "./wire-failure.ts";

/** How a partition is copied; undefined: it is not. */
export type FindCopied = (topic: string, index: number) => Copied | undefined;

interface Copied {
  /** The source's topic. */
  readonly sourceId: string;
  /** Undefined: it is not known whether an offset means the same at the target. */
  readonly sameUpTo: number | undefined;
}

/** Groups of consumers, and those that only commit offsets. */
const groupTypes: readonly string[] = ["consumer", ""];

/**
 * Copies groups' offsets. An offset is committed at the target once its records are there, those of
 * the topic that it was committed for, and never for a group that has members there: that one has
 * moved. What was committed at the target by others is not taken back.
 */
export class MirrorGroups {
  readonly #source: KafkaCluster;
  readonly #target: KafkaCluster;
  readonly #report: MirrorReport;
  /** By group and partition, what the target has. */
  readonly #known = new Map<string, Map<string, KnownOffset>>();
  readonly #moved = new Set<string>();
  /** At the source, the last time. */
  #listed: ReadonlySet<string> = new Set();

  constructor(
    ends: { readonly source: KafkaCluster; readonly target: KafkaCluster },
    report: MirrorReport,
  ) {
    this.#source = ends.source;
    this.#target = ends.target;
    this.#report = report;
  }

  /** Answers how many offsets wait for their records. */
  async sync(find: FindCopied): Promise<number> {
    const groups = await this.#list();
    let heldBack = 0;
    let copied = 0;
    const listed = new Set(groups);
    for (const group of this.#listed) if (!listed.has(group)) this.#report.forget(nameOf(group));
    this.#listed = listed;
    for (const group of groups) {
      try {
        const offsets = await fetchOffsets(this.#source, group);
        const own = offsets.filter(({ topic, index }) => find(topic, index) !== undefined);
        if (own.length === 0) {
          this.#report.settle(nameOf(group));
          continue;
        }
        copied += 1;
        const ready = own.filter(({ topic, index, offset }) => {
          return offset <= (find(topic, index)?.sameUpTo ?? -1);
        });
        const news = await this.#newsOf(group, ready);
        const current = await this.#current(news, find);
        heldBack += own.length - ready.length + news.length - current.length;
        if (current.length > 0) await this.#commit(group, current);
        this.#report.settle(nameOf(group));
      } catch (error) {
        if (!(error instanceof WireFailure)) throw error;
        this.#report.stall(nameOf(group), error);
        heldBack += 1;
      }
    }
    this.#report.counts.groups = copied;
    this.#report.counts.offsetsHeldBack = heldBack;
    return heldBack;
  }

  async #list(): Promise<readonly string[]> {
    const groups = new Set<string>();
    for (const nodeId of this.#source.nodeIds) {
      const answer = await this.#source.callNode(nodeId, "ListGroups", {});
      if (answer.errorCode !== 0) throw WireFailure.ofCode(answer.errorCode, "groups");
      for (const { groupId, protocolType } of answer.groups) {
        if (groupTypes.includes(protocolType)) groups.add(groupId);
      }
    }
    return [...groups].filter((group) => !group.startsWith("xylem-mirror-")).toSorted();
  }

  async #newsOf(group: string, offsets: readonly GroupOffset[]): Promise<GroupOffset[]> {
    const known = await this.#offsetsAtTarget(group);
    return offsets.filter((one) => {
      const there = known.get(placeOf(one));
      if (there === undefined) return true;
      // One that this run has written follows the source backward as well.
      return there.isOurs ? there.offset !== one.offset : there.offset < one.offset;
    });
  }

  /** Those of the topics that are copied: one may have been made anew before they were asked. */
  async #current(
    offsets: readonly GroupOffset[],
    find: FindCopied,
  ): Promise<readonly GroupOffset[]> {
    if (offsets.length === 0) return [];
    const names = new Set(offsets.map(({ topic }) => topic));
    const { topics } = await this.#source.readMetadata([...names]);
    const there = topics.filter(({ errorCode }) => errorCode === 0);
    const ids = new Map(there.map(({ name, topicId }) => [name, formatUuid(topicId)]));
    return offsets.filter(({ topic, index }) => {
      const [copied, id] = [find(topic, index), ids.get(topic)];
      return copied !== undefined && id !== undefined && !isOther(copied.sourceId, id);
    });
  }

  async #commit(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    try {
      await commitOffsets(this.#target, group, offsets);
    } catch (error) {
      if (!(error instanceof WireFailure) || !isInUse(error)) throw error;
      this.#known.delete(group);
      if (!this.#moved.has(group)) this.#report.say(`group ${group} has members at the target`);
      this.#moved.add(group);
      return;
    }
    const known = this.#known.get(group);
    for (const one of offsets) known?.set(placeOf(one), { offset: one.offset, isOurs: true });
  }

  /** Who has moved may commit at any time: it is asked again. */
  async #offsetsAtTarget(group: string): Promise<Map<string, KnownOffset>> {
    const before = this.#known.get(group);
    const there = new Map<string, KnownOffset>();
    for (const one of await fetchOffsets(this.#target, group)) {
      const { isOurs = false, offset = -1 } = before?.get(placeOf(one)) ?? {};
      there.set(placeOf(one), { offset: one.offset, isOurs: isOurs && offset === one.offset });
    }
    this.#known.set(group, there);
    return there;
  }
}

interface KnownOffset {
  readonly offset: number;
  readonly isOurs: boolean;
}

function isInUse(error: WireFailure): boolean {
  return error.is("UNKNOWN_MEMBER_ID") || error.is("ILLEGAL_GENERATION");
}

/** As the report has it. */
const nameOf = (group: string): string => `group ${group}`;

function placeOf({ topic, index }: GroupOffset): string {
  return `${topic}-${index}`;
}
