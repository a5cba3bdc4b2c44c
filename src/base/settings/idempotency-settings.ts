import { atLeast, between, intMax, int, long } from "./rows.ts";

/** How long requests that append may be sent again without being appended again. */
export const idempotencySettings = {
  "idempotency.key.expiration.ms": long(
    86_400_000,
    atLeast(1_000),
    "Time after which an Idempotency-Key is forgotten.",
  ),
  "idempotency.keys.max": int(
    1_000_000,
    between(1, intMax),
    "Idempotency keys in memory; past it those of partitions unused longest are read again.",
  ),
  "idempotency.keys.max.per.partition": int(
    100_000,
    between(1, intMax),
    "Idempotency keys that a partition remembers; past it the oldest is forgotten.",
  ),
};
