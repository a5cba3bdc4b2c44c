import { ByteReader, type ByteWriter } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import type { ReadLease } from "../../broker/partition/partition-log.ts";
import { isServed } from "../../protocol/api-table.ts";
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from "../../protocol/messages/headers.ts";
import { findRoute, type Route } from "./handler-table.ts";

/** One request from its arrival to its answer. */
export class PendingRequest {
  readonly route: Route;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
  /** Behind the header. */
  readonly reader: ByteReader;
  /** Counted against the node's intake until the request is done. */
  readonly sizeBytes: number;
  isDone = false;
  /** Its API is served, but not in this version. */
  isUnserved = false;
  answerVersion: number;
  /** The answer in bytes, when it must wait for earlier ones. */
  chunks: readonly Uint8Array[] = [];
  chunkBytes = 0;
  /** Of the memory that the answer's records lie in. */
  readonly leases: ReadLease[] = [];

  constructor(route: Route, header: ReceivedHeader, reader: ByteReader) {
    this.route = route;
    this.apiVersion = header.requestApiVersion;
    this.correlationId = header.correlationId;
    this.clientId = header.clientId ?? "";
    this.reader = reader;
    this.sizeBytes = reader.source.length;
    this.answerVersion = header.requestApiVersion;
  }

  writeAnswer(writer: ByteWriter, body: unknown): void {
    const { response } = this.route;
    const version = this.answerVersion;
    const prefix = writer.reserveInt32();
    const before = writer.sizeBytes;
    const { correlationId } = this;
    ResponseHeader.write(writer, { correlationId }, responseHeaderVersion(response, version));
    response.write(writer, body, version);
    writer.patchInt32(prefix, writer.sizeBytes - before);
  }
}

export interface ReceivedHeader {
  readonly requestApiKey: number;
  readonly requestApiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/** What arrived: a request to serve, or one that is not served in this version. */
export type Arrival =
  | { readonly kind: "served"; readonly request: PendingRequest }
  | { readonly kind: "unserved"; readonly request: PendingRequest }
  | { readonly kind: "unknown"; readonly header: ReceivedHeader };

const fixedHeaderBytes = 8;

/** Reads a frame's header. Throws MalformedError on bytes that are none. */
export function readArrival(frame: Uint8Array): Arrival {
  if (frame.length < fixedHeaderBytes) {
    throw new MalformedError(`a request of ${frame.length} bytes has no header`);
  }
  const peek = new ByteReader(frame);
  const route = findRoute(peek.int16());
  const apiVersion = peek.int16();
  const reader = new ByteReader(frame);
  if (route === undefined || !isServed(route.name, apiVersion)) {
    // The client id has the same place in every header version.
    const header = RequestHeader.read(reader, 1);
    if (route === undefined) return { kind: "unknown", header };
    return { kind: "unserved", request: new PendingRequest(route, header, reader) };
  }
  const header = RequestHeader.read(reader, requestHeaderVersion(route.request, apiVersion));
  return { kind: "served", request: new PendingRequest(route, header, reader) };
}
