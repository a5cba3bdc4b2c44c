import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { ErrorInfoSchema } from "../../src/servers/grpc/generated/google/rpc/error_details_pb.ts";
import { repositoryRoot } from "./repository.ts";

/** What a call answered, with the fields as proto-loader gives them. */
export type Message = Readonly<Record<string, unknown>>;

type Call = grpc.ClientDuplexStream<object, Message>;
type Callback = (error: grpc.ServiceError | null, answer: Message) => void;
type Method = (...parameters: (object | Callback)[]) => Call;

/** A service as an ordinary gRPC client sees it: @grpc/grpc-js, with the proto files. */
export class GrpcClient {
  readonly #client: grpc.Client & Readonly<Record<string, Method>>;

  constructor(address: string, service: string, options: grpc.ClientOptions = {}) {
    const path = service.split(".");
    const name = path.pop() as string;
    let found = grpcPackages() as unknown;
    for (const part of [...path, name]) found = (found as Record<string, unknown>)[part];
    const Service = found as grpc.ServiceClientConstructor;
    const credentials = grpc.credentials.createInsecure();
    this.#client = new Service(address, credentials, options) as never;
  }

  /** A unary call. Rejects with grpc-js's ServiceError. */
  call(method: string, request: object, options: grpc.CallOptions = {}): Promise<Message> {
    return new Promise((resolve, reject) => {
      const finish: Callback = (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      };
      this.#method(method)(request, new grpc.Metadata(), options, finish);
    });
  }

  /** A call whose answers are a stream. */
  stream(method: string, request: object, options: grpc.CallOptions = {}): Call {
    return this.#method(method)(request, new grpc.Metadata(), options);
  }

  /** A call with streams both ways. */
  duplex(method: string): Call {
    return this.#method(method)();
  }

  close(): void {
    this.#client.close();
  }

  #method(name: string): Method {
    return (this.#client[name] as Method).bind(this.#client);
  }
}

/** The reason of the ErrorInfo among an error's details, which are in its trailers. */
export function reasonOf(error: grpc.ServiceError): string | undefined {
  const [details] = error.metadata.get("grpc-status-details-bin");
  const trailers = new Headers({
    "grpc-status": String(error.code),
    "grpc-status-details-bin": Buffer.from(details ?? "").toString("base64"),
  });
  return findTrailerError(trailers)?.findDetails(ErrorInfoSchema)[0]?.reason;
}

let packages: grpc.GrpcObject | undefined;

function grpcPackages(): grpc.GrpcObject {
  packages ??= grpc.loadPackageDefinition(
    loadSync(
      [
        "xylem/v1/log.proto",
        "xylem/v1/admin.proto",
        "xylem/v1/echo.proto",
        "xylem/v1/group.proto",
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
        "grpc/reflection/v1alpha/reflection.proto",
        "google/rpc/error_details.proto",
      ],
      {
        includeDirs: [join(repositoryRoot, "proto")],
        longs: Number,
        enums: String,
        defaults: true,
        oneofs: true,
      },
    ),
  );
  return packages;
}
