import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { kafkaCode, type ErrorCode } from "../../src/base/errors.ts";
import {
  type ApiName,
  apiTable,
  type ReceivedResponseOf,
  type SentRequestOf,
} from "../../src/protocol/api-table.ts";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";
import type { DoorContext, Waiting } from "../../src/servers/kafka/door-context.ts";
import { findRoute } from "../../src/servers/kafka/handler-table.ts";
import type { GroupBroker } from "./group-broker.ts";

/** A connection as handlers of group APIs see it: it keeps what waits. */
export class GroupConnection {
  readonly node: GroupBroker;
  readonly parked = new Set<Waiting>();

  constructor(node: GroupBroker) {
    this.node = node;
  }

  /** Calls as a client would: request and answer pass through the bytes of the version. */
  async call<Name extends ApiName>(
    name: Name,
    version: number,
    request: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    const { key, request: asked, response } = apiTable[name];
    const received = throughBytes(asked as MessageCodec, request, version);
    const answer = await findRoute(key)?.handle(received, this.#context(version));
    return throughBytes(response as MessageCodec, answer, version) as ReceivedResponseOf<Name>;
  }

  #context(apiVersion: number): DoorContext {
    const park = (waiting: Waiting): (() => void) => {
      this.parked.add(waiting);
      return () => this.parked.delete(waiting);
    };
    const context: Partial<DoorContext> = {
      broker: this.node.broker,
      apiVersion,
      clientId: "app",
      localAddress: "10.0.0.1",
      localPort: 9092,
      remoteAddress: "::ffff:10.0.0.2",
      park,
    };
    return context as DoorContext;
  }
}

export function code(error: ErrorCode): number {
  return kafkaCode(error);
}

/** All versions of an API that are served. */
export function versionsOf(name: ApiName): number[] {
  const { min, max } = apiTable[name].served;
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}

function throughBytes(codec: MessageCodec, value: unknown, version: number): unknown {
  const writer = new ByteWriter();
  codec.write(writer, value, version);
  return codec.read(new ByteReader(writer.toBytes()), version);
}
