import { peerLinksContract } from "../../test/contracts/peer-links.contract.ts";
import { LoopbackPeerWorld, SimulatedPeerWorld } from "../../test/support/peer-world.ts";

peerLinksContract("TCP on loopback", () => new LoopbackPeerWorld());
peerLinksContract("simulated network", () => new SimulatedPeerWorld());
