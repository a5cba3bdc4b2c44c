import type { RequestContext } from "./handler.ts";

/** Where a client comes from, as Kafka shows it: `/address`. */
export function clientHost({ remoteAddress }: Pick<RequestContext, "remoteAddress">): string {
  return `/${remoteAddress.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "")}`;
}
