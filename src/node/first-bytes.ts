/** What a peer speaks, told by its first bytes. */
export type ToldProtocol = "kafka" | "http" | "http2" | "tls" | "peer" | "unknown";

/** The HTTP/2 connection preface (RFC 9113 §3.4). No HTTP/1 method shares its first four bytes. */
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const methodSizeBytes = "PRI ".length;

/**
 * Tells protocols on one port apart. A Kafka frame begins with its int32 size, below 16 MiB for the
 * first request of any client, hence 0x00; a TLS record with its handshake type; HTTP/1 with a
 * method's letter. HTTP/2 is told by the whole of its preface. "more": the bytes do not tell yet.
 */
export function tellProtocol(head: Uint8Array): ToldProtocol | "more" {
  const first = head[0];
  if (first === undefined) return "more";
  if (first === 0x00) return "kafka";
  if (first === 0x01) return "peer";
  if (first === 0x16) return "tls";
  if (!isLetter(first)) return "unknown";
  if (first !== http2Preface.charCodeAt(0)) return "http";
  for (let index = 1; index < http2Preface.length; index += 1) {
    const byte = head[index];
    if (byte === undefined) return "more";
    if (byte === http2Preface.charCodeAt(index)) continue;
    return index < methodSizeBytes ? "http" : "unknown";
  }
  return "http2";
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
