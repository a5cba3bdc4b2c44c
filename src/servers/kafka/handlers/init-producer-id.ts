import { XylemError } from "../../../base/errors.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"InitProducerId">;
type Response = ResponseOf<"InitProducerId">;

/**
 * InitProducerId (key 22): a new id at epoch 0 for a producer without transactions; an id and epoch
 * that it had before change nothing (semantics.md 10).
 *
 * A transactional id has no coordinator on this broker. FindCoordinator says so first, with
 * COORDINATOR_NOT_AVAILABLE, so that clients wait and ask again instead of going on; a client that
 * comes here all the same gets NOT_COORDINATOR, which sends it back there.
 */
export async function initProducerId(
  request: Request,
  { broker }: RequestContext,
): Promise<Response> {
  checkGivenEpoch(request);
  if (request.transactionalId !== null) checkTransaction(request, broker.settings);
  return { errorCode: 0, producerId: await broker.producerIds.next(), producerEpoch: 0 };
}

function checkGivenEpoch({ producerId, producerEpoch }: Request): void {
  const hasId = Number(producerId) !== -1;
  if (hasId === (producerEpoch !== -1)) return;
  throw new XylemError("INVALID_REQUEST", "Producer id and epoch are both given or both -1");
}

function checkTransaction(
  { transactionalId, transactionTimeoutMs }: Request,
  settings: NodeSettings,
): never {
  if (transactionalId === "") {
    throw new XylemError("INVALID_REQUEST", "The transactional id is empty");
  }
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > settings["transaction.max.timeout.ms"]) {
    throw new XylemError(
      "INVALID_TRANSACTION_TIMEOUT",
      `A transaction timeout of ${transactionTimeoutMs} ms is outside ` +
        `1 to ${settings["transaction.max.timeout.ms"]}`,
    );
  }
  throw new XylemError("NOT_COORDINATOR", "No transaction coordinator lives here");
}
