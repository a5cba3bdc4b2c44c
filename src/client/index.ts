/** `xylem/client`: a node over HTTP. */
export {
  XylemClient,
  XylemClientError,
  type ClientOptions,
  type NodeHealth,
} from "./xylem-client.ts";
