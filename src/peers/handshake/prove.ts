import { encodeUtf8 } from "../../base/text.ts";

// An import statement would load WebCrypto with it: twice the time, and nobody uses it here.
const { createHmac, scrypt, timingSafeEqual } = process.getBuiltinModule("node:crypto");

export const proofBytes = 32;

/** What a proof says: who proves, so that nobody's own words can be sent back to him. */
export type ProofRole = "dialer" | "acceptor" | "confirmation";

/**
 * The key that proofs are made with. Deriving it costs a tenth of a second and 16 MiB, here once
 * and a guesser each time. Secrets of two clusters that are equal give different keys.
 */
export function derivePeerKey(secret: string, clusterId: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(secret, `xylem peers ${clusterId}`, proofBytes, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/**
 * HMAC-SHA-256 (RFC 2104) over the role, all that both sides have said so far (nonces, ids,
 * incarnations, cluster, versions, limits), and the number of the link.
 */
export function makeProof(
  key: Uint8Array,
  role: ProofRole,
  transcript: readonly Uint8Array[],
  turn = 0,
): Uint8Array {
  const sizes = transcript.map(({ length }) => length).join(" ");
  const hmac = createHmac("sha256", key);
  hmac.update(encodeUtf8(`xylem 1 ${role} ${turn} ${sizes}\0`));
  for (const part of transcript) hmac.update(part);
  return hmac.digest();
}

/** In constant time. */
export function isSameProof(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
