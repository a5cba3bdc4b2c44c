import { XylemError } from "../../base/errors.ts";
import { findNodeSetting } from "./broker-configs.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import {
  applyChanges,
  checkChanges,
  checkConfigs,
  type ConfigChange,
  type ConfigScope,
} from "./change-configs.ts";
import {
  checkGroup,
  type ConfigOwner,
  type ConfigResource,
  isClusterWide,
} from "./config-resource.ts";
import { clusterKey, type Configs, groupKey, nodeKey } from "./config-store.ts";
import { checkTopicConfigs } from "./check-topic-configs.ts";
import { findGroupSetting } from "./group-configs.ts";
import { findTopicSetting } from "./topic-defaults.ts";

type Alteration = (current: Configs, scope: ConfigScope) => Configs;

/** Groups that may have configs of their own. */
const groupsPrefix = "groups/";

/**
 * IncrementalAlterConfigs of one resource: all of its changes or none; durable and in force when it
 * resolves. Throws INVALID_REQUEST, INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION.
 */
export async function changeConfigs(
  owner: ConfigOwner,
  resource: ConfigResource,
  changes: readonly ConfigChange[],
  options: { readonly validateOnly: boolean },
): Promise<void> {
  checkChanges(changes);
  await alter(owner, resource, options, (current, scope) => applyChanges(current, changes, scope));
}

/** AlterConfigs of one resource: what is not given goes back to its default. */
export async function replaceConfigs(
  owner: ConfigOwner,
  resource: ConfigResource,
  values: readonly { readonly name: string; readonly value: string | null }[],
  options: { readonly validateOnly: boolean },
): Promise<void> {
  const changes = values.map((value): ConfigChange => ({ ...value, operation: "set" }));
  checkChanges(changes);
  await alter(owner, resource, options, (_, scope) => applyChanges(new Map(), changes, scope));
}

async function alter(
  owner: ConfigOwner,
  { kind, name }: ConfigResource,
  options: { readonly validateOnly: boolean },
  alteration: Alteration,
): Promise<void> {
  const unlessOnlyValidated = (configs: Configs): Configs | undefined =>
    options.validateOnly ? undefined : configs;
  switch (kind) {
    case "topic":
      await owner.topics.configure(name, (current) =>
        unlessOnlyValidated(alterTopic(current, owner.configs.topicDefaultsOf(name), alteration)),
      );
      return;
    case "broker":
      await owner.configs.store.update(brokerKey(name, owner), (current) =>
        unlessOnlyValidated(alterBroker(current, name, owner, alteration)),
      );
      owner.configs.refresh();
      return;
    case "group":
      checkGroup(name);
      await owner.configs.store.update(groupKey(name), (current) =>
        unlessOnlyValidated(alterGroup(current, owner, alteration)),
      );
  }
}

function alterTopic(current: Configs, defaults: TopicSettings, alteration: Alteration): Configs {
  const changed = alteration(current, {
    find: findTopicSetting,
    inherited: (name) => (defaults as Readonly<Record<string, unknown>>)[name],
  });
  return checkTopicConfigs(changed, defaults);
}

function brokerKey(name: string, { configs }: ConfigOwner): string {
  return isClusterWide(name, configs.nodeId) ? clusterKey : nodeKey(configs.nodeId);
}

function alterBroker(
  current: Configs,
  name: string,
  { configs }: ConfigOwner,
  alteration: Alteration,
): Configs {
  const live = configs.settings as Readonly<Record<string, unknown>>;
  const scope = { find: findNodeSetting, inherited: (setting: string) => live[setting] };
  const changed = alteration(current, scope);
  for (const setting of changed.keys()) checkDynamic(setting, name);
  return checkConfigs(changed, scope);
}

function checkDynamic(setting: string, broker: string): void {
  const row = findNodeSetting(setting);
  if (row === undefined) return;
  if (row.dynamic === undefined) {
    throw new XylemError("INVALID_REQUEST", `Cannot update these configs dynamically: ${setting}`);
  }
  if (row.dynamic === "broker" && broker === "") {
    throw new XylemError(
      "INVALID_REQUEST",
      `Cannot update these configs for all brokers, a broker id must be given: ${setting}`,
    );
  }
}

function alterGroup(current: Configs, { configs }: ConfigOwner, alteration: Alteration): Configs {
  const bound = configs.settings["groups.max"];
  if (current.size === 0 && configs.store.keys(groupsPrefix).length >= bound) {
    throw new XylemError("POLICY_VIOLATION", `${bound} groups have configs, which is groups.max`);
  }
  const scope = {
    find: findGroupSetting,
    inherited: (name: string) => findGroupSetting(name)?.initial,
  };
  return checkConfigs(alteration(current, scope), scope);
}
