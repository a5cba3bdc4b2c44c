import type { Command } from "commander";
import { connect } from "node:net";
import { XylemError } from "../base/errors.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

/** Until a node that takes no connection is put behind the others. */
const connectMsMax = 2_000;

/**
 * Puts the nodes that DNS names in place of `--bootstrap srv://name` and its like, in the order of
 * their SRV records, before them all the first that takes a connection. `servers` are asked in
 * place of the system's name servers. Throws CommandFailure for a name that DNS does not explain.
 */
export async function findBootstrap(
  command: Command,
  servers: readonly string[] = [],
): Promise<void> {
  const options = command.opts<Record<string, unknown>>();
  for (const name of addressOptions) {
    const given = options[name];
    if (typeof given !== "string" || !given.startsWith("srv://")) continue;
    const addresses = await findAddresses(given.slice("srv://".length), servers);
    const first = await findFirstTaking(addresses);
    const others = addresses.filter((address) => address !== first);
    const ordered = first === undefined ? others : [first, ...others];
    command.setOptionValue(name, ordered.map(formatAddress).join(","));
  }
}

/** Options that say where brokers are. */
const addressOptions = ["bootstrap", "from", "to"];

interface Address {
  readonly host: string;
  readonly port: number;
}

async function findAddresses(
  name: string,
  servers: readonly string[],
): Promise<readonly Address[]> {
  const { findRecords } = await import("../coordination/srv/find-records.ts");
  const { orderRecords } = await import("../coordination/srv/order-records.ts");
  const { SystemRandom } = await import("../node/system-random.ts");
  try {
    const records = orderRecords(await findRecords(name, servers), new SystemRandom());
    return records.map(({ name: host, port }) => ({ host, port }));
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    throw new CommandFailure(error.message, exitCodes.unreachable, error);
  }
}

async function findFirstTaking(addresses: readonly Address[]): Promise<Address | undefined> {
  for (const address of addresses) if (await takesConnections(address)) return address;
  return undefined;
}

function takesConnections({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMsMax });
    const end = (isTaken: boolean): void => {
      socket.destroy();
      resolve(isTaken);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}

function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
