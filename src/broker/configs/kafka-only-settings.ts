import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { SettingType } from "../../base/settings/setting.ts";

/** A broker config of Kafka's that Xylem has another word for, or only one answer to. */
export interface KafkaOnlySetting {
  readonly name: string;
  readonly type: SettingType;
  value(settings: NodeSettings): string | null;
}

const always = (name: string, type: SettingType, value: string | null): KafkaOnlySetting => ({
  name,
  type,
  value: () => value,
});

/** What tools read from a broker although it is nothing to set here. */
export const kafkaOnlySettings: readonly KafkaOnlySetting[] = [
  { name: "broker.id", type: "int", value: (settings) => String(settings["node.id"]) },
  {
    name: "listeners",
    type: "list",
    value: (settings) => `PLAINTEXT://${settings.host}:${settings.port}`,
  },
  { name: "log.dir", type: "list", value: logDirectory },
  { name: "log.dirs", type: "list", value: logDirectory },
  always("authorizer.class.name", "string", ""),
  always("controller.listener.names", "list", "PLAINTEXT"),
  always("group.coordinator.rebalance.protocols", "list", "classic"),
  always("inter.broker.listener.name", "string", null),
  always("listener.security.protocol.map", "string", "PLAINTEXT:PLAINTEXT"),
  always("log.cleaner.enable", "boolean", "true"),
  always("max.connection.creation.rate", "int", "2147483647"),
  always("max.connections.per.ip", "int", "2147483647"),
  always("process.roles", "list", "broker,controller"),
  {
    name: "replica.high.watermark.checkpoint.interval.ms",
    type: "long",
    value: (settings) => String(settings["log.checkpoint.interval.ms"]),
  },
  always("sasl.enabled.mechanisms", "list", ""),
  always("security.inter.broker.protocol", "string", "PLAINTEXT"),
  always("transaction.two.phase.commit.enable", "boolean", "false"),
];

function logDirectory(settings: NodeSettings): string | null {
  return settings.memory ? null : settings.data;
}
