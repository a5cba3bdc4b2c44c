import type { Socket } from "node:net";
import type { ToldProtocol } from "./first-bytes.ts";

/** How long a refused peer may take to read why. */
const lingerMs = 1_000;

/**
 * A TLS record with the fatal alert handshake_failure (RFC 8446 §6): the client's library says that
 * no TLS could be agreed on, instead of complaining about a cut connection.
 */
const tlsAlert = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28);

const reasons: Readonly<Record<ToldProtocol, string>> = {
  kafka: "Kafka is not served on this listener",
  http: "HTTP is not served on this listener",
  http2: "HTTP/2 is not served on this listener",
  tls: "the client speaks TLS, which is not set up on this listener",
  peer: "links between nodes are not served on this listener",
  unknown: "its first bytes are of no protocol that is served here",
};

/** Why a connection that speaks this is closed, for the log. */
export function explainRefusal(spoken: ToldProtocol): string {
  return reasons[spoken];
}

/** Closes the connection; a TLS client is told in its own words first. */
export function refuse(socket: Socket, spoken: ToldProtocol): void {
  if (spoken !== "tls") {
    socket.destroy();
    return;
  }
  // Unread bytes would turn the close into a reset, which overtakes the alert.
  socket.resume();
  socket.end(tlsAlert);
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once("end", () => socket.destroy());
  socket.once("close", () => clearTimeout(cut));
}
