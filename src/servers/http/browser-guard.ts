/** What the guard needs to know of a request; header values as they came. */
export interface GuardedRequest {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Whether the answer would hold records or settings, which foreign pages must not read. */
  readonly isData: boolean;
  readonly isUpgrade: boolean;
}

export interface GuardRules {
  /** Addresses this node listens on, unbracketed. */
  readonly listenerAddresses: readonly string[];
  /** `http.hosts`: further names it may be addressed by. */
  readonly hosts: readonly string[];
  /** `http.cors.origins`: pages that may use it besides its own. */
  readonly origins: readonly string[];
}

const loopbackNames = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * Keeps web pages from being turned against the node: a rebound DNS name is refused by its Host, a
 * foreign page by its Origin (RFC 6454). Answers why a request is refused, or undefined.
 */
export function refuseForeign(request: GuardedRequest, rules: GuardRules): string | undefined {
  const hostname = request.host === undefined ? undefined : hostnameOf(request.host);
  if (hostname === undefined) return "The request has no valid Host header.";
  if (!isOwnName(hostname, rules)) {
    return `The host name "${hostname}" is not this node's; http.hosts may list it.`;
  }
  if (request.origin === undefined) return undefined;
  if (rules.origins.includes(request.origin)) return undefined;
  if (isOwnOrigin(request.origin, request.host ?? "")) return undefined;
  const isSafe = request.method === "GET" || request.method === "HEAD";
  if (isSafe && !request.isData && !request.isUpgrade) return undefined;
  return `Pages of the origin "${request.origin}" may not do this; http.cors.origins may list it.`;
}

/** The name in a Host header: lower case, no port, no brackets; undefined when malformed. */
export function hostnameOf(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(host);
  const name = match?.[1] ?? match?.[2];
  return name?.toLowerCase();
}

function isOwnName(hostname: string, rules: GuardRules): boolean {
  if (loopbackNames.has(hostname) || hostname.endsWith(".localhost")) return true;
  if (rules.listenerAddresses.includes(hostname)) return true;
  return rules.hosts.some((known) => known.toLowerCase() === hostname);
}

function isOwnOrigin(origin: string, host: string): boolean {
  const lower = origin.toLowerCase();
  return lower === `http://${host.toLowerCase()}` || lower === `https://${host.toLowerCase()}`;
}
