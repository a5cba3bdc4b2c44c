import type { RequestContext } from "./handler.ts";

/** Where a client is told to connect. */
export interface AdvertisedAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * This node's address as the client of `context` should use it: the first of
 * `advertised.listeners`, else the address and port it came in on. A listener without a host takes
 * that of the connection.
 */
export function advertisedAddress(
  context: Pick<RequestContext, "broker" | "localAddress" | "localPort">,
): AdvertisedAddress {
  const local = unmapped(context.localAddress);
  const [listener] = context.broker.settings["advertised.listeners"];
  if (listener === undefined) return { host: local, port: context.localPort };
  const address = listener.slice(listener.lastIndexOf("/") + 1);
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host: host === "" ? local : host, port: Number(address.slice(colon + 1)) };
}

/** An IPv4 address seen through an IPv6 socket is told as IPv4 (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
