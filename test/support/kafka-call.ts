import { ByteReader, ByteWriter } from "../../src/base/bytes.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { ProducerIds } from "../../src/broker/producer-ids.ts";
import {
  type ApiName,
  apiTable,
  type ReceivedResponseOf,
  type RequestOf,
  type ResponseOf,
  type SentRequestOf,
} from "../../src/protocol/api-table.ts";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";
import type { RequestContext } from "../../src/servers/kafka/handler.ts";
import { rigNodeId, type TopicRig } from "./topic-rig.ts";

export const rigClusterId = "xylemXylemXylemXylem-1";

/** A request's circumstances on a rig, as if it had come in on 10.0.0.1:9092. */
export function rigContext(rig: TopicRig, apiVersion: number): RequestContext {
  const broker = {
    identity: { nodeId: rigNodeId, clusterId: rigClusterId, rack: null },
    settings: rig.configs.settings,
    configs: rig.configs,
    topics: rig.topics,
    producerIds: new ProducerIds(rig.coordinator),
    log: silentLog,
  } as unknown as Broker;
  return {
    broker,
    apiVersion,
    clientId: "test",
    localAddress: "10.0.0.1",
    localPort: 9092,
    remoteAddress: "10.0.0.2",
  };
}

type Answer<Name extends ApiName> = ResponseOf<Name> | undefined;
type Handler<Name extends ApiName> = (
  request: RequestOf<Name>,
  context: RequestContext,
) => Answer<Name> | Promise<Answer<Name>>;

/** Calls a handler as a client would: request and answer pass through the bytes of the version. */
export async function callKafka<Name extends ApiName>(
  name: Name,
  handler: Handler<Name>,
  request: SentRequestOf<Name>,
  at: { readonly rig: TopicRig; readonly version: number },
): Promise<ReceivedResponseOf<Name>> {
  const { rig, version } = at;
  const received = throughBytes(apiTable[name].request as MessageCodec, request, version);
  const answer = await handler(received as RequestOf<Name>, rigContext(rig, version));
  const sent = throughBytes(apiTable[name].response as MessageCodec, answer, version);
  return sent as ReceivedResponseOf<Name>;
}

function throughBytes(codec: MessageCodec, value: unknown, version: number): unknown {
  const writer = new ByteWriter();
  codec.write(writer, value, version);
  return codec.read(new ByteReader(writer.toBytes()), version);
}
