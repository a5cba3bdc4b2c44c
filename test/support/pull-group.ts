import { decodeUtf8, encodeUtf8 } from "../../src/base/text.ts";
import type { NodeSettings } from "../../src/base/settings/node-settings.ts";
import { groupAck, type Acknowledged } from "../../src/broker/groups/pull/group-ack.ts";
import {
  groupFetch,
  type GroupFetch,
  type GroupFetched,
} from "../../src/broker/groups/pull/group-fetch.ts";
import { leaveGroup } from "../../src/broker/groups/pull/pull-member.ts";
import { appendRecords } from "../../src/broker/records/append-records.ts";
import { batchTools } from "../../src/node/open-broker.ts";
import { GroupBroker } from "./group-broker.ts";

const client = { clientId: "test", clientHost: "/127.0.0.1" };

/** Members of the group "g" that fetch and acknowledge, on virtual time. */
export class PullGroup {
  node: GroupBroker;

  private constructor(node: GroupBroker) {
    this.node = node;
  }

  static async open(settings: Partial<NodeSettings> = {}): Promise<PullGroup> {
    return PullGroup.on(await GroupBroker.open(settings));
  }

  static on(node: GroupBroker): PullGroup {
    return new PullGroup(node);
  }

  /** Appends values to partitions, as `0: a b`, to a topic that is there. */
  async append(topic: string, partition: number, ...values: string[]): Promise<void> {
    await appendRecords(this.node.broker, batchTools, {
      topic,
      records: values.map((value) => ({
        key: null,
        value: encodeUtf8(value),
        headers: [],
        partition,
      })),
      acks: -1,
      timeoutMs: 1_000,
      clientId: "test",
    });
  }

  async fetch(member: string | undefined, more: Partial<GroupFetch> = {}): Promise<Fetched> {
    const plain = { limit: 100, maxBytes: 1_000_000, waitMs: 0, reset: "earliest" } as const;
    const ask = { group: "g", topics: ["orders"], member, ...plain, ...client, ...more };
    const fetched = await groupFetch({ broker: this.node.broker, tools: batchTools }, ask);
    return { ...fetched, values: fetched.records.map(({ value }) => decodeUtf8(value!)) };
  }

  ack(member: string, acknowledged: Acknowledged) {
    return groupAck(this.node.broker, { group: "g", member, ...client }, acknowledged);
  }

  leave(member: string): Promise<void> {
    return leaveGroup(this.node.broker, { group: "g", member, ...client });
  }

  /** Fetches by each member, a second apart, until nothing changes any more. */
  async settle(...members: string[]): Promise<Record<string, number[]>> {
    const own: Record<string, number[]> = {};
    for (let round = 0; round < 4; round++) {
      for (const member of members) {
        const { assignment } = await this.fetch(member);
        own[member] = assignment.flatMap(({ partitions }) => partitions);
      }
      await this.node.advance("1s");
    }
    return own;
  }

  async restart(how: "stop" | "crash"): Promise<void> {
    this.node = how === "stop" ? await this.node.restart() : await this.node.reopen();
  }
}

export interface Fetched extends GroupFetched {
  readonly values: string[];
}
