import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import { crc32c } from "../codecs/native-crc32c.ts";
import { derivePeerKey } from "../peers/handshake/prove.ts";
import { PeerMesh } from "../peers/peer-mesh.ts";
import type { PeerMeshParts } from "../peers/peer-mesh-parts.ts";
import { PeerTraffic } from "../peers/peer-traffic.ts";
import { SocketTransport } from "../peers/socket-transport.ts";
import type { PeerTransport } from "../broker/ports/peer-transport.ts";
import type { StartSteps } from "./start-steps.ts";

const secretCharactersMin = 16;
const filePrefix = "file:";

export interface PeersParts extends Pick<
  PeerMeshParts,
  "identity" | "clusterId" | "addressOf" | "settings" | "clock" | "random" | "log"
> {
  /** As of `readSecret`. */
  readonly secret: string;
  readonly network?: PeerNetwork | undefined;
}

/** Taken in place of TCP, and of what the cluster's secret gives. */
export interface PeerNetwork {
  readonly transport: PeerTransport;
  readonly key: Uint8Array;
}

/** The links to the other nodes of a cluster, and what takes over a connection of one of them. */
export interface OpenPeers {
  readonly links: PeerMesh;
  readonly traffic: PeerTraffic;
  readonly accept: (socket: Socket, head: Uint8Array) => void;
}

/** Links nodes over TCP; before the ports are opened. They end with the steps. */
export async function openPeers(steps: StartSteps, parts: PeersParts): Promise<OpenPeers> {
  const { secret, clock, network } = parts;
  const key = network?.key ?? (await derivePeerKey(secret, parts.clusterId));
  const sockets = new SocketTransport(clock);
  const transport = network?.transport ?? sockets;
  const links = await steps.run(
    "prepare the links to other nodes",
    () => new PeerMesh({ ...parts, key, transport, crc32c, soon: setImmediate }),
    (opened) => opened.close(),
  );
  const traffic = new PeerTraffic(links);
  return { links, traffic, accept: (socket, head) => links.accept(sockets.take(socket, head)) };
}

/** Before the cluster hears of this node: without a secret it is none of its nodes. */
export async function readSecret(
  steps: StartSteps,
  { settings, network }: { readonly settings: NodeSettings } & Pick<PeersParts, "network">,
): Promise<string> {
  if (network !== undefined) return "";
  return await steps.run("read the cluster's secret", () =>
    readClusterSecret(settings["cluster.secret"]),
  );
}

/** The text itself, or that of `file:PATH` without the space around it. */
async function readClusterSecret(setting: string): Promise<string> {
  const isFile = setting.startsWith(filePrefix);
  const path = setting.slice(filePrefix.length);
  const secret = isFile ? (await readFile(path, "utf8")).trim() : setting;
  if (secret.length >= secretCharactersMin) return secret;
  const place = isFile
    ? `${path} has fewer`
    : "cluster.secret is needed in a cluster, with no fewer";
  throw new Error(`${place} than ${secretCharactersMin} characters`);
}
