import { XylemError } from "../../base/errors.ts";
import type { ConfigResource } from "../../broker/configs/config-resource.ts";
import type { ConfigSource } from "../../broker/configs/described-config.ts";
import type { SettingType } from "../../base/settings/setting.ts";

/** Kafka's numbers on the wire (semantics.md 12). */
export const configSourceNumbers: Readonly<Record<ConfigSource, number>> = {
  topic: 1,
  dynamicBroker: 2,
  /** Kafka has no buckets: a default that can change, for more than one topic, comes closest. */
  bucket: 3,
  dynamicDefault: 3,
  static: 4,
  default: 5,
  group: 8,
};

export const configTypeNumbers: Readonly<Record<SettingType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  password: 9,
};

const resourceKinds: Readonly<Record<number, ConfigResource["kind"]>> = {
  2: "topic",
  4: "broker",
  32: "group",
};

/** Throws INVALID_REQUEST for the kinds that have no configs here: loggers, client metrics. */
export function resourceOf(type: number, name: string): ConfigResource {
  const kind = resourceKinds[type];
  if (kind !== undefined) return { kind, name };
  throw new XylemError("INVALID_REQUEST", `Unsupported resource type: ${type}`);
}
