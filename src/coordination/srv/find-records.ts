import { Resolver } from "node:dns/promises";
import { XylemError } from "../../base/errors.ts";
import type { SrvRecord } from "./order-records.ts";

/** Of one question to one name server; then it is asked again, then the next one. */
const questionMsMax = 2_000;
const triesMax = 2;
/** Of a name with more, the first ones count. */
const recordsMax = 64;

/** The name is not there, or has no such records: another question would be answered the same. */
const noRecordsCodes: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA"]);
const badNameCodes: ReadonlySet<unknown> = new Set(["EBADNAME", "EBADQUERY", "EFORMERR"]);

/**
 * The SRV records of a name, at least one. `servers`, as `host:port`, are asked in place of the
 * system's, for the records' targets too: these then come as IP addresses. Throws INVALID_CONFIG
 * for a name without records, REQUEST_TIMED_OUT when no name server gives an answer.
 */
export async function findRecords(
  name: string,
  servers: readonly string[] = [],
): Promise<readonly SrvRecord[]> {
  const resolver = new Resolver({ timeout: questionMsMax, tries: triesMax });
  if (servers.length > 0) resolver.setServers(servers);
  const answered = await askFor(resolver, name);
  // A target "." says that the service is not there, on purpose.
  const records = answered.filter(({ name: target }) => target !== "" && target !== ".");
  if (records.length === 0) throw noRecords(name);
  const counted = records.slice(0, recordsMax).map(withoutDot);
  if (servers.length === 0) return counted;
  const found = (await Promise.all(counted.map((record) => findTarget(resolver, record)))).flat();
  if (found.length > 0) return found;
  throw new XylemError(
    "REQUEST_TIMED_OUT",
    `No target of the SRV records of ${name} has an address`,
  );
}

async function askFor(resolver: Resolver, name: string): Promise<readonly SrvRecord[]> {
  try {
    return await resolver.resolveSrv(name);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (noRecordsCodes.has(code)) throw noRecords(name, error);
    if (badNameCodes.has(code)) {
      throw new XylemError("INVALID_CONFIG", `${name} is no name in DNS`, { cause: error });
    }
    const detail = `DNS does not say where ${name} is (${String(code)})`;
    throw new XylemError("REQUEST_TIMED_OUT", detail, { cause: error });
  }
}

/** A target that has no address is left out: the others may do. */
async function findTarget(resolver: Resolver, record: SrvRecord): Promise<SrvRecord[]> {
  const answers = await Promise.allSettled([
    resolver.resolve4(record.name),
    resolver.resolve6(record.name),
  ]);
  const hosts = answers.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  return hosts.map((host) => ({ ...record, name: host }));
}

function withoutDot({ name, port, priority, weight }: SrvRecord): SrvRecord {
  return { name: name.replace(/\.$/, "").toLowerCase(), port, priority, weight };
}

function noRecords(name: string, cause?: unknown): XylemError {
  return new XylemError("INVALID_CONFIG", `DNS has no SRV records of ${name}`, { cause });
}
