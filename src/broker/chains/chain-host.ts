import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { ReplicaAsk } from "../../replication/chain-effect.ts";
import type { LinkId } from "../../replication/chain-input.ts";
import type { ChainMessage } from "../../replication/chain-message.ts";
import type { ReplicaLimits } from "../../replication/replica-core.ts";
import type { CopyPace } from "./pace/copy-pace.ts";
import type { ReadResult } from "../partition/partition-log.ts";
import type { ChainPlace } from "../cluster/replicas/running-chain.ts";

/** What the node does for one of its chains. */
export interface ChainHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ReplicaLimits;
  readonly place: ChainPlace;
  /** At which all chains of this node copy to replicas that join. */
  readonly pace: CopyPace;
  /** As of ReplicaPorts. */
  nextSession(): number;
  /** Something happens to it: it is told of the time again soon. */
  wake(): void;
  /** A link to this node is wanted; of one that is open the chain is told at once. */
  want(nodeId: number): void;
  unwant(nodeId: number): void;
  /** Nothing happens on a link that is closed. `records` are released when the system has them. */
  send(link: LinkId, message: ChainMessage, records?: ReadResult): void;
  /** Whether the other side takes records; without, the chain is told when it does. */
  hasRoom(link: LinkId): boolean;
  /** Tells the controller, once; who has no answer asks again. */
  ask(ask: ReplicaAsk): void;
  /** The coordinator may have a newer configuration than was told. */
  lookAgain(): void;
  /** It has a configuration: what was said to it before may be heard. */
  onConfigured(): void;
  /** Its log is damaged, or can not be used any more: the chain is to go on without it. */
  onUnfit(): void;
  /** It does nothing any more. */
  onEnded(): void;
}
