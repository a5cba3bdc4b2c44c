import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks who coordinates a group or transaction, several from version 4 (KIP-699). */
export const FindCoordinatorRequest = message({
  name: "FindCoordinatorRequest",
  key: 10,
  versions: "0-6",
  flexible: "3+",
  fields: {
    key: wire.versions("0-3", wire.string),
    keyType: wire.since(1, wire.int8, 0),
    coordinatorKeys: wire.since(4, wire.array(wire.string)),
  },
});

/** The coordinators' addresses. */
export const FindCoordinatorResponse = message({
  name: "FindCoordinatorResponse",
  key: 10,
  versions: "0-6",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    errorCode: wire.versions("0-3", wire.int16),
    errorMessage: wire.versions("1-3", wire.nullableString, "", wire.ignorable),
    nodeId: wire.versions("0-3", wire.int32),
    host: wire.versions("0-3", wire.string),
    port: wire.versions("0-3", wire.int32),
    coordinators: wire.since(
      4,
      wire.array({
        key: wire.string,
        nodeId: wire.int32,
        host: wire.string,
        port: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.nullableString,
      }),
    ),
  },
});
