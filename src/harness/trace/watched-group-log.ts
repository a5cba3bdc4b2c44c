import type { GroupLog } from "../../broker/groups/group-log.ts";
import { readGroupRecord } from "../../groups/group-record-codec.ts";
import type { RecordBytes } from "../../groups/record-bytes.ts";
import type { EventTrace } from "./event-trace.ts";

/** Tells a trace what groups store: whatever the door, and what time does as well. */
export class WatchedGroupLog implements GroupLog {
  readonly #real: GroupLog;
  readonly #trace: EventTrace;
  /** Of server-assigned groups, whose members are records of their own. */
  readonly #clients = new Map<string, Map<string, string>>();

  constructor(real: GroupLog, trace: EventTrace) {
    this.#real = real;
    this.#trace = trace;
  }

  get partitionCount(): number {
    return this.#real.partitionCount;
  }

  create(): Promise<void> {
    return this.#real.create();
  }

  async append(partition: number, records: readonly RecordBytes[]): Promise<void> {
    await this.#real.append(partition, records);
    for (const record of records) this.#tell(record);
  }

  replay(partition: number, visit: (record: RecordBytes) => void): Promise<void> {
    return this.#real.replay(partition, visit);
  }

  #tell(bytes: RecordBytes): void {
    const record = readGroupRecord(bytes);
    switch (record?.kind) {
      case "offset": {
        const { group, topic, partition, value } = record;
        const offset = value?.offset ?? null;
        return this.#trace.add({ kind: "commit", group, topic, partition, offset });
      }
      case "classicGroup": {
        const members = (record.value?.members ?? []).map(({ clientId }) => clientId);
        return this.#tellGroup(record.group, record.value?.generation ?? -1, members);
      }
      case "consumerMember": {
        const clients = this.#clientsOf(record.group);
        if (record.value === null) clients.delete(record.memberId);
        else clients.set(record.memberId, record.value.clientId);
        return undefined;
      }
      case "consumerGroup": {
        const clients = this.#clientsOf(record.group).values();
        return this.#tellGroup(record.group, record.value?.epoch ?? -1, [...clients]);
      }
      default:
        return undefined;
    }
  }

  #tellGroup(group: string, generation: number, clients: readonly string[]): void {
    this.#trace.add({ kind: "group", group, generation, members: clients.toSorted() });
  }

  /** Client ids by member id. */
  #clientsOf(group: string): Map<string, string> {
    const known = this.#clients.get(group) ?? new Map<string, string>();
    this.#clients.set(group, known);
    return known;
  }
}
