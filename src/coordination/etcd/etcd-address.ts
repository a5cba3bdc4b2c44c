import { XylemError } from "../../base/errors.ts";
import type { Address } from "../srv/address-source.ts";

const scheme = "etcd://";
const portInitial = 2379;
const portMax = 65_535;

/**
 * The endpoints that the setting `etcd://host:port,host:port` names, as URLs; a port left out is
 * 2379, an IPv6 address stands in brackets. Throws INVALID_CONFIG.
 */
export function parseEtcdAddress(text: string): readonly string[] {
  if (!text.startsWith(scheme)) throw invalid(text, `it does not begin with ${scheme}`);
  const rest = text.slice(scheme.length);
  if (rest.includes("@")) throw invalid(text, "a name and a password are not understood there");
  const urls = rest.split(",").map((endpoint) => parseEndpoint(endpoint.trim(), text));
  return [...new Set(urls)];
}

function parseEndpoint(endpoint: string, text: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(endpoint);
  const port = Number(match?.[2] ?? portInitial);
  if (match?.[1] === undefined) throw invalid(text, `"${endpoint}" is no host:port`);
  if (port < 1 || port > portMax) throw invalid(text, `${port} is no port`);
  return `http://${match[1].toLowerCase()}:${port}`;
}

/** The URL of an endpoint that DNS named. */
export function etcdUrlOf({ host, port }: Address): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Without the text itself where it may hold a password. */
function invalid(text: string, why: string): XylemError {
  const shown = text.includes("@") ? "The coordinator's address" : `"${text}"`;
  return new XylemError("INVALID_CONFIG", `${shown} names no etcd: ${why}`);
}
