import { XylemError } from "../base/errors.ts";
import type { Address } from "./srv/address-source.ts";

const portMax = 65_535;

/**
 * The endpoints that the setting `<kind>://host:port,host:port` names, as URLs; a port left out is
 * the initial one, an IPv6 address stands in brackets. Throws INVALID_CONFIG.
 */
export function parseEndpoints(
  text: string,
  kind: "etcd" | "consul",
  portInitial: number,
): readonly string[] {
  const scheme = `${kind}://`;
  const refuse = (why: string): never => {
    // Without the text itself where it may hold a password.
    const shown = text.includes("@") ? "The coordinator's address" : `"${text}"`;
    throw new XylemError("INVALID_CONFIG", `${shown} names no ${kind}: ${why}`);
  };
  if (!text.startsWith(scheme)) return refuse(`it does not begin with ${scheme}`);
  const rest = text.slice(scheme.length);
  if (rest.includes("@")) return refuse("a name and a password are not understood there");
  const urls = rest.split(",").map((endpoint) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(endpoint.trim());
    const port = Number(match?.[2] ?? portInitial);
    if (match?.[1] === undefined) return refuse(`"${endpoint.trim()}" is no host:port`);
    if (port < 1 || port > portMax) return refuse(`${port} is no port`);
    return `http://${match[1].toLowerCase()}:${port}`;
  });
  return [...new Set(urls)];
}

/** The URL of an endpoint that DNS named. */
export function urlOf({ host, port }: Address): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
