import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks which client metrics to push (KIP-714). */
export const GetTelemetrySubscriptionsRequest = message({
  name: "GetTelemetrySubscriptionsRequest",
  key: 71,
  versions: "0",
  flexible: "0+",
  fields: {
    clientInstanceId: wire.uuid,
  },
});

/** The subscription. */
export const GetTelemetrySubscriptionsResponse = message({
  name: "GetTelemetrySubscriptionsResponse",
  key: 71,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    clientInstanceId: wire.uuid,
    subscriptionId: wire.int32,
    acceptedCompressionTypes: wire.array(wire.int8),
    pushIntervalMs: wire.int32,
    telemetryMaxBytes: wire.int32,
    deltaTemporality: wire.bool,
    requestedMetrics: wire.array(wire.string),
  },
});
