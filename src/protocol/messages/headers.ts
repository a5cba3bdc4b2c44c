import { message, type MessageCodec } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** What precedes a request's body. Version 2 has a tagged section, but no compact client id. */
export const RequestHeader = message({
  name: "RequestHeader",
  versions: "1-2",
  flexible: "2+",
  fields: {
    requestApiKey: wire.int16,
    requestApiVersion: wire.int16,
    correlationId: wire.int32,
    clientId: wire.inflexibleString,
  },
});

/** What precedes a response's body. Version 1 has a tagged section. */
export const ResponseHeader = message({
  name: "ResponseHeader",
  versions: "0-1",
  flexible: "1+",
  fields: {
    correlationId: wire.int32,
  },
});

const apiVersionsKey = 18;

export function requestHeaderVersion(request: MessageCodec, version: number): number {
  return request.isFlexible(version) ? 2 : 1;
}

/** ApiVersions always answers with version 0: its client may not know more yet (KIP-511). */
export function responseHeaderVersion(response: MessageCodec, version: number): number {
  return response.isFlexible(version) && response.key !== apiVersionsKey ? 1 : 0;
}
