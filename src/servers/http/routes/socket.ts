import { socketPath } from "../live/socket-door.ts";
import { Refusal } from "../refusal.ts";
import { type Route, route } from "../route.ts";

/** Whoever comes here has not asked for a WebSocket: the server takes those before all routes. */
const socket = route({
  method: "GET",
  path: socketPath,
  tag: "Records",
  summary: "A WebSocket: live reading, appends and groups, in JSON.",
  description:
    "Asked for with `Upgrade: websocket` (RFC 6455); its commands and messages are those of " +
    "docs/live.md.",
  answers: { 101: { description: "The connection is a WebSocket from here on." } },
  problems: {
    426: "The request does not ask for a WebSocket.",
    503: "There are too many WebSockets.",
  },
  handle: () => {
    const detail = `${socketPath} is a WebSocket: it takes an upgrade over HTTP/1.1 only.`;
    throw new Refusal(426, detail, { headers: { upgrade: "websocket", connection: "upgrade" } });
  },
});

export const socketRoutes: readonly Route[] = [socket];
