import { joinBytes } from "../../src/base/bytes.ts";
import type { XylemError } from "../../src/base/errors.ts";
import type { TopicSettings } from "../../src/base/settings/topic-settings.ts";
import type { Replica } from "../../src/broker/partition/replica/replica.ts";
import type {
  ReplicaGovernor,
  ReplicaUse,
} from "../../src/broker/partition/replica/replica-log.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { batchOf, type LogWorld } from "./log-directory.ts";

/** What a chain says of one replica, and was told by it. */
export class TestGovernor implements ReplicaGovernor {
  alone = true;
  head = true;
  readonly refused = new Map<ReplicaUse, XylemError>();
  readonly appended: [number, number][] = [];
  stored: readonly [written: number, flushed: number] = [0, 0];
  stoppedBy: XylemError | undefined;
  damagesTold = 0;
  takenBackTo: number | undefined;

  refusal(use: ReplicaUse): XylemError | undefined {
    return this.refused.get(use);
  }

  isAlone(): boolean {
    return this.alone;
  }

  isHead(): boolean {
    return this.head;
  }

  onAppended(base: number, end: number): void {
    this.appended.push([base, end]);
  }

  onTakenBack(end: number): void {
    this.takenBackTo = end;
  }

  onStored(written: number, flushed: number): void {
    this.stored = [written, flushed];
  }

  onDamaged(): void {
    this.damagesTold += 1;
  }

  onStopped(error: XylemError): void {
    this.stoppedBy = error;
  }
}

export interface GovernedReplica {
  readonly replica: Replica;
  readonly governor: TestGovernor;
}

/** A replica in an epoch that takes appends and committed what it remembers. */
export async function openGoverned(
  world: LogWorld,
  settings: Partial<TopicSettings> = {},
  epoch = 1,
): Promise<GovernedReplica> {
  const replica = await world.openReplica(settings);
  const governor = new TestGovernor();
  replica.govern(governor);
  replica.beginEpoch(Math.max(epoch, replica.epochEnds().at(-1)?.epoch ?? 0));
  return { replica, governor };
}

export function held(replica: Replica, offset = replica.end): Promise<void> {
  return new Promise((resolve, reject) => {
    replica.log.whenHeld(offset, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Appends one batch at a head and waits until it is held. Answers its base offset. */
export async function appendHeld(
  replica: Replica,
  values: readonly string[],
  options: Parameters<typeof batchOf>[1] = {},
): Promise<number> {
  const { baseOffset, lastOffset } = replica.log.append(batchOf(values, options), {
    origin: "client",
  });
  await held(replica, lastOffset + 1);
  return baseOffset;
}

/** What a successor is sent from an offset on, in one message; its bytes are its own. */
export async function readOnce(
  source: Replica,
  offset: number,
  sizeBytesMax = 1024 * 1024,
): Promise<{ bytes: Uint8Array; next: number }> {
  const limits = { sizeBytesMax, wholeFirst: true, upTo: source.end };
  const { chunks, lease } = await source.readForSuccessor(offset, limits);
  const bytes = joinBytes(chunks).slice();
  lease?.release();
  const walk = new BatchWalk(bytes, 0, 0);
  while (walk.look() === "batch") walk.advance();
  return { bytes, next: bytes.length === 0 ? source.written : walk.offsetMin };
}

/** Sends a successor all that it lacks. */
export async function feed(source: Replica, target: Replica, sizeBytesMax?: number): Promise<void> {
  while (target.end < source.end) {
    const { bytes, next } = await readOnce(source, target.end, sizeBytesMax);
    target.appendReplicated(bytes, next);
  }
  await held(target);
}

/** All bytes of a replica's log, committed or not. */
export async function logBytes(replica: Replica): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = replica.logStart; offset < replica.end;) {
    const { bytes, next } = await readOnce(replica, offset);
    parts.push(bytes);
    offset = next;
  }
  return joinBytes(parts);
}
