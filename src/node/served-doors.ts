import type { Socket } from "node:net";
import type { Door } from "./listener-plan.ts";

/** On the socket itself: HTTP/2 shows its sockets through proxies, which are no keys of a map. */
const servedDoors = Symbol("served doors");

interface MarkedSocket {
  [servedDoors]?: ReadonlySet<Door>;
}

/** Notes what the listener serves that the connection came in on. */
export function markServed(socket: Socket, doors: ReadonlySet<Door>): void {
  (socket as MarkedSocket)[servedDoors] = doors;
}

/** Whether the listener of a request's connection serves the door. */
export function isServed(socket: object, door: Door): boolean {
  return (socket as MarkedSocket)[servedDoors]?.has(door) ?? true;
}
