import type { NodeSettings } from "../base/settings/node-settings.ts";

/** The settings of links between nodes. */
export type PeerSettings = Pick<NodeSettings, Extract<keyof NodeSettings, `peer.${string}`>>;
