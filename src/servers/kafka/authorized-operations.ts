/** Kafka's numbers of ACL operations (KIP-430); a set of them is a bit field. */
const operations = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const;

const bits = (...names: readonly (keyof typeof operations)[]): number =>
  names.reduce((field, name) => field | (1 << operations[name]), 0);

/** "Nobody asked": the default on the wire. */
export const operationsOmitted = -2_147_483_648;

/** What may be done to a topic. Without an authorizer everybody may do everything. */
export const topicOperations = bits(
  "read",
  "write",
  "create",
  "delete",
  "alter",
  "describe",
  "describeConfigs",
  "alterConfigs",
);

/** What may be done to the cluster. */
export const clusterOperations = bits(
  "create",
  "alter",
  "describe",
  "clusterAction",
  "describeConfigs",
  "alterConfigs",
  "idempotentWrite",
);
