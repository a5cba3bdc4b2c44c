import type { RefusalCode } from "../../replication/chain-effect.ts";

/** What a client is told beside the code. */
export const refusalReasons: Readonly<Record<RefusalCode, string>> = {
  NOT_LEADER_OR_FOLLOWER: "this node is not, or not any more, the one to ask",
  NOT_ENOUGH_REPLICAS: "its chain is shorter than min.insync.replicas",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "its chain became shorter than min.insync.replicas",
};
