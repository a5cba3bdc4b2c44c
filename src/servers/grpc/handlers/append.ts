import type { HandlerContext } from "@connectrpc/connect";
import { anonymous } from "../../../base/principal.ts";
import { appendRecords, type AppendRecords } from "../../../broker/records/append-records.ts";
import { type CallScope, clientId } from "../call-scope.ts";
import { Acks, type AppendRequest, Durability } from "../generated/xylem/v1/log_pb.ts";
import { timeoutOf, toNumber } from "../limits.ts";
import { toNewRecords, toRanges } from "../record-messages.ts";

const acksOf: Readonly<Record<Acks, AppendRecords["acks"]>> = {
  [Acks.UNSPECIFIED]: -1,
  [Acks.ALL]: -1,
  [Acks.LEADER]: 1,
  [Acks.NONE]: 0,
};

const durabilityOf: Readonly<Record<Durability, AppendRecords["durability"]>> = {
  [Durability.UNSPECIFIED]: undefined,
  [Durability.FSYNC]: "fsync",
  [Durability.OS]: "os",
};

/** What of a request is not its records. */
export function appendOptions(request: AppendRequest, timeoutMs: number) {
  const { topic, acks, minReplicas, durability, expectedOffset, idempotencyKey } = request;
  return {
    topic,
    acks: acksOf[acks as Acks] ?? -1,
    timeoutMs,
    clientId,
    minReplicas: minReplicas === 0 ? undefined : minReplicas,
    durability: durabilityOf[durability as Durability],
    expectedOffset:
      expectedOffset === undefined ? undefined : toNumber(expectedOffset, "expected_offset"),
    idempotency: idempotencyKey === "" ? undefined : { scope: anonymous, key: idempotencyKey },
  };
}

/** LogService.Append. Throws when nothing was appended because of one error. */
export async function append(
  { broker, tools }: CallScope,
  request: AppendRequest,
  context: HandlerContext,
) {
  const records = toNewRecords(request.records, broker.settings);
  const options = appendOptions(request, timeoutOf(context, broker.settings));
  const outcome = await appendRecords(broker, tools, { ...options, records });
  const isAllRefused = outcome.records.every(({ error }) => error !== undefined);
  if (isAllRefused && outcome.error !== undefined) throw outcome.error;
  return {
    ranges: toRanges(outcome.records),
    durable: outcome.isDurable,
    duplicate: outcome.isDuplicate,
  };
}
