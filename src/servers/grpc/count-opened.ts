import { toBinary } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { shareKey } from "./call-scope.ts";

/** Of a message by itself, of gRPC's and of Connect's streams. */
const encodingHeaders = ["content-encoding", "grpc-encoding", "connect-content-encoding"];

/** A compressed request is larger than what came of it: its call holds what it was opened to. */
export function countOpened(): Interceptor {
  return (next) => async (request) => {
    if (!request.stream && isCompressed(request.header)) {
      const { length } = toBinary(request.method.input, request.message);
      request.contextValues.get(shareKey)?.growTo(length);
    }
    return await next(request);
  };
}

function isCompressed(header: Headers): boolean {
  return encodingHeaders.some((name) => (header.get(name) ?? "identity") !== "identity");
}
