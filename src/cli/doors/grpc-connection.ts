import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import type { DescService } from "@bufbuild/protobuf";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { urlOf } from "./call-http.ts";

/** A gRPC connection of its own. */
export class GrpcConnection {
  readonly #session: Http2SessionManager;
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#session = new Http2SessionManager(urlOf(options));
  }

  client<Service extends DescService>(service: Service): Client<Service> {
    const options = { baseUrl: urlOf(this.#options), sessionManager: this.#session };
    return createClient(service, createGrpcTransport(options));
  }

  /** What a call failed with, as a command says it. */
  explain(error: unknown): unknown {
    if (!(error instanceof ConnectError)) return error;
    const isAway = error.code === Code.Unavailable && error.details.length === 0;
    if (!isAway) return new CommandFailure(error.rawMessage, exitCodes.failed, error);
    const text = `no broker answers at ${this.#options.bootstrap} (${error.rawMessage})`;
    return new CommandFailure(text, exitCodes.unreachable, error);
  }

  close(): void {
    this.#session.abort();
  }
}
