import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for transactions by state, producer or age. */
export const ListTransactionsRequest = message({
  name: "ListTransactionsRequest",
  key: 66,
  versions: "0-2",
  flexible: "0+",
  fields: {
    stateFilters: wire.array(wire.string),
    producerIdFilters: wire.array(wire.int64),
    durationFilter: wire.since(1, wire.int64, -1),
    transactionalIdPattern: wire.since(2, wire.nullableString, null),
  },
});

/** The transactions of this coordinator. */
export const ListTransactionsResponse = message({
  name: "ListTransactionsResponse",
  key: 66,
  versions: "0-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    unknownStateFilters: wire.array(wire.string),
    transactionStates: wire.array({
      transactionalId: wire.string,
      producerId: wire.int64,
      transactionState: wire.string,
    }),
  },
});
