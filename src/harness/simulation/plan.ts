/** What a topic's records survive. */
export type Durability = "fsync" | "os";
