import type { XylemError } from "../../base/errors.ts";
import {
  type ApiName,
  apiNames,
  apiTable,
  type RequestOf,
  type ResponseOf,
} from "../../protocol/api-table.ts";
import type { MessageCodec } from "../../protocol/schema/message.ts";
import type { DoorHandler } from "./door-context.ts";
import { errorAnswers } from "./error-answers.ts";
import { apiVersions } from "./handlers/api-versions.ts";
import { deleteRecords } from "./handlers/delete-records.ts";
import { fetch } from "./handlers/fetch.ts";
import { listOffsets } from "./handlers/list-offsets.ts";
import { offsetForLeaderEpoch } from "./handlers/offset-for-leader-epoch.ts";
import { produce } from "./handlers/produce.ts";
import type { Sharing } from "./request-order.ts";

/** Every API of the table has its handler: the compiler sees to it. */
type Handlers = { readonly [Name in ApiName]: DoorHandler<RequestOf<Name>, ResponseOf<Name>> };

const handlers: Partial<Handlers> = {
  ApiVersions: apiVersions,
  DeleteRecords: deleteRecords,
  Fetch: fetch,
  ListOffsets: listOffsets,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
  Produce: produce,
};

const sharings: { readonly [Name in ApiName]?: Sharing } = {
  Produce: "append",
  Fetch: "fetch",
  JoinGroup: "wait",
  SyncGroup: "wait",
};

/** One API as the connection serves it. */
export interface Route {
  readonly name: ApiName;
  readonly key: number;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
  readonly served: { readonly min: number; readonly max: number };
  readonly sharing: Sharing;
  readonly handle: DoorHandler<unknown, unknown>;
  /** The answer of a request that failed as a whole. */
  answerError(request: unknown, error: XylemError, version: number): unknown;
}

const routes: (Route | undefined)[] = [];
for (const name of apiNames) {
  const { key, request, response, served } = apiTable[name];
  routes[key] = {
    name,
    key,
    request,
    response,
    served,
    sharing: sharings[name] ?? "alone",
    handle: handlers[name] as DoorHandler<unknown, unknown>,
    answerError: errorAnswers[name] as Route["answerError"],
  };
}

/** The route of an API key; undefined when it is not served. */
export function findRoute(key: number): Route | undefined {
  return routes[key];
}
