import type { Clock } from "../base/clock.ts";
import type { Crc32c } from "../base/crc32c.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import type { PeerAddress, PeerIdentity } from "../broker/ports/peer-links.ts";
import type { PeerTransport } from "../broker/ports/peer-transport.ts";
import type { VersionRange } from "./handshake/handshake-messages.ts";

/** The settings of links between nodes. */
export type PeerSettings = Pick<NodeSettings, Extract<keyof NodeSettings, `peer.${string}`>>;

/** What the links of a node are made of. */
export interface PeerMeshParts {
  readonly identity: PeerIdentity;
  readonly clusterId: string;
  /** From `derivePeerKey`. */
  readonly key: Uint8Array;
  readonly settings: PeerSettings;
  /** Undefined while the node is not registered: it is asked again at each try. */
  readonly addressOf: (nodeId: number) => PeerAddress | undefined;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  /** Cryptographic where the network is not simulated: nonces are drawn from it. */
  readonly random: Random;
  readonly log: Log;
  readonly crc32c: Crc32c;
  /** Calls back after the other work of this turn. */
  readonly soon: (work: () => void) => void;
  readonly versions?: VersionRange;
}
