import type {
  ClassicEffect,
  ClassicEvent,
  ClassicLimits,
  Instant,
} from "./classic/classic-events.ts";
import { ClassicGroup } from "./classic/classic-group.ts";
import { assert } from "../base/assert.ts";
import type { ConsumerEffect, ConsumerEvent, ConsumerLimits } from "./consumer/consumer-events.ts";
import { ConsumerGroup } from "./consumer/consumer-group.ts";
import { ConsumerImage } from "./consumer/consumer-image.ts";
import type { ClassicGroupImage, GroupRecord } from "./group-record.ts";

/** A group of either kind. What both have means the same; `kind` tells the rest. */
export type GroupMachine = ClassicGroup | ConsumerGroup;

export type GroupEvent = ClassicEvent | ConsumerEvent;
export type GroupEffect = ClassicEffect | ConsumerEffect;

/** What the groups of a shard are made with. */
export interface MachineLimits {
  readonly classic: ClassicLimits;
  consumer(group: string): ConsumerLimits;
}

/** Feeds an event to a machine; one of the other kind is a defect of the caller. */
export function stepMachine(
  machine: GroupMachine,
  event: GroupEvent,
  now: Instant,
): readonly GroupEffect[] {
  if (machine.kind === "consumer") {
    assert(isConsumerEvent(event), `a consumer group got a ${event.kind}`);
    return machine.step(event, now);
  }
  assert(event.kind !== "consumerHeartbeat", "a classic group got a heartbeat of the other kind");
  return machine.step(event, now);
}

function isConsumerEvent(event: GroupEvent): event is ConsumerEvent {
  const { kind } = event;
  return kind === "consumerHeartbeat" || kind === "tick" || kind === "written" || kind === "close";
}

/** The groups that records, read in order, make. A later kind takes the place of an earlier one. */
export class GroupImages {
  readonly #images = new Map<string, ClassicGroupImage | ConsumerImage>();

  apply(record: Exclude<GroupRecord, { kind: "offset" }>): void {
    const { group } = record;
    const known = this.#images.get(group);
    if (record.kind === "classicGroup") {
      if (record.value !== null) this.#images.set(group, record.value);
      else if (!(known instanceof ConsumerImage)) this.#images.delete(group);
      return;
    }
    const isOther = known !== undefined && !(known instanceof ConsumerImage);
    if (record.value === null && (known === undefined || isOther)) return;
    const image = known instanceof ConsumerImage ? known : new ConsumerImage();
    image.apply(record);
    if (image.isGone) this.#images.delete(group);
    else this.#images.set(group, image);
  }

  /** The machines, none of which has heard of anything yet. */
  *machines(limits: MachineLimits): Generator<[string, GroupMachine]> {
    for (const [group, image] of this.#images) {
      yield [
        group,
        image instanceof ConsumerImage
          ? new ConsumerGroup(group, limits.consumer(group), image)
          : ClassicGroup.fromImage(image, limits.classic),
      ];
    }
  }
}

/** What a restart would find of the group as it is. */
export function recordsOf(group: string, machine: GroupMachine): readonly GroupRecord[] {
  if (machine.kind === "consumer") return machine.records();
  return [{ kind: "classicGroup", group, value: machine.image() }];
}

/** What takes the group out of the log. */
export function tombstonesOf(group: string, machine: GroupMachine): readonly GroupRecord[] {
  if (machine.kind === "consumer") return machine.tombstones();
  return [{ kind: "classicGroup", group, value: null }];
}
