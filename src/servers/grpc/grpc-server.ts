import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { RecordScope } from "../../broker/records/stored-record.ts";
import { AnswerTime } from "./answer-time.ts";
import { CallMemory, CallShare } from "./call-memory.ts";
import { type CallScope, shareKey } from "./call-scope.ts";
import { catchErrors } from "./catch-errors.ts";
import { countOpened } from "./count-opened.ts";
import { countedBody, isRequestStream } from "./counted-body.ts";
import { Health } from "./generated/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "./generated/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "./generated/grpc/reflection/v1alpha/reflection_pb.ts";
import { AdminService } from "./generated/xylem/v1/admin_pb.ts";
import { EchoService } from "./generated/xylem/v1/echo_pb.ts";
import { GroupService } from "./generated/xylem/v1/group_pb.ts";
import { LogService } from "./generated/xylem/v1/log_pb.ts";
import { admin } from "./handlers/admin.ts";
import { append } from "./handlers/append.ts";
import { appendStream } from "./handlers/append-stream.ts";
import { echo } from "./handlers/echo.ts";
import { group } from "./handlers/group.ts";
import { health } from "./handlers/health.ts";
import { read } from "./handlers/read.ts";
import { reflection } from "./handlers/reflection.ts";
import { subscribe } from "./handlers/subscribe.ts";
import { stopping } from "./limits.ts";

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** What of this node can be called. */
const services: readonly DescService[] = [LogService, GroupService, AdminService, EchoService];

/** Compressed requests are taken; answers are not compressed, it takes ten times their time. */
const compressedSizeBytesMin = 0xffff_ffff;
/** What is left of a request that was answered before its end is thrown away up to here. */
const strayBytesMax = 4_194_304;
/** A client that neither ends nor resets what was answered already is cut off. */
const strayMs = 1_000;
/** RFC 9113, 7. */
const http2Cancel = 8;
/** No client waits for a day. */
const timeoutMsMax = 86_400_000;
/** How long a refusal waits for the rest of its request. */
const refusalMs = 300;

/** The gRPC door: gRPC, gRPC-Web and Connect calls, over HTTP/1.1 and HTTP/2 alike. */
export class GrpcServer {
  readonly #scope: CallScope;
  readonly #handlers: ReadonlyMap<string, UniversalHandler>;
  readonly #stopping = new AbortController();
  #callCount = 0;

  constructor(scope: RecordScope) {
    const { settings } = scope.broker;
    const memory = new CallMemory(() => settings["grpc.memory.max.bytes"]);
    this.#scope = { ...scope, memory, stopping: this.#stopping.signal };
    const messageBytesMax = settings["grpc.message.max.bytes"];
    const router = createConnectRouter({
      acceptCompression: [compressionGzip],
      compressMinBytes: compressedSizeBytesMin,
      readMaxBytes: messageBytesMax,
      maxTimeoutMs: timeoutMsMax,
      // Offset 0 is an offset: who reads JSON shall see it.
      jsonOptions: { alwaysEmitImplicit: true },
      shutdownSignal: this.#stopping.signal,
      interceptors: [catchErrors(scope.broker.log), countOpened()],
    });
    addServices(router, this.#scope);
    this.#handlers = new Map(router.handlers.map((one) => [one.requestPath, one]));
  }

  /** Calls since the start, for the metrics. */
  get callCount(): number {
    return this.#callCount;
  }

  /** Of requests under way and answers that clients have not taken. */
  get heldBytes(): number {
    return this.#scope.memory.bytes;
  }

  /** Answers a request whose path is a call's; the browser guard has let it through. */
  handle(request: Request, response: Response): void {
    const { url = "" } = request;
    const query = url.indexOf("?");
    const handler = this.#handlers.get(query === -1 ? url : url.slice(0, query));
    if (handler === undefined) {
      return refuse(request, response, 404);
    }
    this.#callCount += 1;
    void this.#run(handler, request, response);
  }

  /** Waiting and live calls end with UNAVAILABLE; what carries them closes by itself. */
  async close(): Promise<void> {
    this.#stopping.abort(stopping());
  }

  async #run(handler: UniversalHandler, request: Request, response: Response): Promise<void> {
    const share = new CallShare(this.#scope.memory);
    // Of a stream, whose messages come and go while its handler holds others.
    const bodyShare = isRequestStream(handler) ? new CallShare(this.#scope.memory) : share;
    const values = createContextValues().set(shareKey, share);
    const { clock, settings } = this.#scope.broker;
    const cut = (): void => cutOff(response);
    const time = new AnswerTime({ clock, settings, cutOff: cut });
    // Comes in any case, and when the client has taken all of the answer.
    response.once("close", () => {
      share.end();
      bodyShare.end();
      time.end();
    });
    try {
      // Throws for a Host that makes no URL, such as one with the port 99999.
      const universal = universalRequestFromNodeRequest(request, response, undefined, values);
      // Connect's own iterator would cut the connection where a body is refused in the middle.
      const source: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
      const timeoutMs = settings["http.request.timeout.ms"];
      const body = countedBody(source, handler, {
        share: bodyShare,
        clock,
        timeoutMs,
        cutOff: cut,
      });
      const answer = await handler({ ...universal, body });
      const isStream = handler.method.methodKind !== "unary";
      const end = (): void => discardBody(request);
      const content = time.pace(answer.body, { isStream, end });
      await universalResponseToNodeResponse({ ...answer, body: content }, response);
    } catch (error) {
      // The client has gone, or broke its protocol; handlers' own errors are answers.
      this.#scope.broker.log.debug("a call was cut off", { reason: String(error) });
      if (!response.headersSent) return refuse(request, response, 400);
      discardBody(request);
      response.destroy();
    }
  }
}

function cutOff(response: Response): void {
  if ("stream" in response) response.stream.close(http2Cancel);
  else response.destroy();
}

/**
 * A status once all that the client sends is here, or after a moment: over HTTP/2 some (curl 7 is
 * one) fail or hang when the answer ends before they have sent their last.
 */
function refuse(request: Request, response: Response, status: number): void {
  const answer = (): void => {
    clearTimeout(patience);
    if (!response.headersSent) (response as ServerResponse).writeHead(status).end();
  };
  const patience = setTimeout(answer, refusalMs);
  patience.unref();
  response.once("close", () => clearTimeout(patience));
  if (request.readableEnded || request.destroyed) return answer();
  request.once("end", answer);
  discardBody(request);
}

/** Who is still sending would take the end of an unread request for a failure of his own. */
function discardBody(request: Request): void {
  if (request.readableEnded || request.destroyed) return;
  const carrier = "stream" in request ? request.stream : request;
  const cut = setTimeout(() => carrier.destroy(), strayMs);
  cut.unref();
  request.once("close", () => clearTimeout(cut));
  request.once("end", () => clearTimeout(cut));
  let sizeBytes = 0;
  request.removeAllListeners("readable");
  request.on("data", (chunk: Uint8Array) => {
    sizeBytes += chunk.length;
    if (sizeBytes > strayBytesMax) carrier.destroy();
  });
  request.resume();
}

function addServices(router: ConnectRouter, scope: CallScope): void {
  router.service(LogService, {
    append: (request, context) => append(scope, request, context),
    appendStream: (requests, context) => appendStream(scope, requests, context),
    read: (request, context) => read(scope, request, context),
    subscribe: (request, context) => subscribe(scope, request, context),
  });
  router.service(AdminService, admin(scope.broker));
  router.service(GroupService, group(scope));
  router.service(EchoService, echo);
  const named = services.map(({ typeName }) => typeName);
  router.service(Health, health(named, scope.stopping));
  const described = reflection([...services, Health, ServerReflection, v1alpha.ServerReflection]);
  router.service(ServerReflection, described);
  // The same messages under another name.
  router.service(
    v1alpha.ServerReflection,
    described as unknown as ServiceImpl<typeof v1alpha.ServerReflection>,
  );
}
