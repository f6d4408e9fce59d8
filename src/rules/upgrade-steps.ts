import { NodeFailure, type RawConfig } from './node-kind.ts';

/** One step of a configuration's upgrade (thingsboard-rule-chains 1.6). What it cannot do is a NodeFailure. */
export type UpgradeStep = (configuration: RawConfig) => RawConfig;

/** The configuration without a member. */
export function withoutMember(configuration: RawConfig, key: string): RawConfig {
  const { [key]: _, ...rest } = configuration;
  return rest;
}

/** Adds a member that older versions did not have, unless it is there. */
export const addMember =
  (key: string, value: unknown): UpgradeStep =>
  (configuration) =>
    Object.hasOwn(configuration, key) ? configuration : { ...configuration, [key]: value };

/** Flags that older versions wrote as texts, each with what its absence meant. */
export const flagsFromTexts =
  (absent: Readonly<Record<string, boolean>>): UpgradeStep =>
  (configuration) => {
    const flags = Object.entries(absent).map(([key, meaning]) => [key, flagOf(key, configuration[key] ?? meaning)]);
    return { ...configuration, ...Object.fromEntries(flags) };
  };

/** @throws NodeFailure for what is neither a flag nor the text of one. */
export function flagOf(key: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (value !== 'true' && value !== 'false') throw unexpected(key, value, 'true or false');
  return value === 'true';
}

/** `fromMetadata`, a flag or its text, becomes DATA or METADATA under a new key. */
export const sourceFromFlag =
  (key: string): UpgradeStep =>
  (configuration) => {
    const isMetadata = flagOf('fromMetadata', present(configuration, 'fromMetadata'));
    return { ...withoutMember(configuration, 'fromMetadata'), [key]: isMetadata ? 'METADATA' : 'DATA' };
  };

/** DATA or METADATA moves from the key that one version had to the one that all have. */
export const sourceFromKey =
  (oldKey: string, key: string): UpgradeStep =>
  (configuration) => {
    if (Object.hasOwn(configuration, key)) return configuration;
    const value = present(configuration, oldKey);
    if (value !== 'DATA' && value !== 'METADATA') throw unexpected(oldKey, value, 'DATA or METADATA');
    return { ...withoutMember(configuration, oldKey), [key]: value };
  };

export const ONE_PART = 'ThingsBoard has a node for the body and one for the metadata: make two of it';

/** Our word for the part of a message that ThingsBoard calls DATA or METADATA. */
export function partOf(key: string, value: unknown): 'msg' | 'metadata' {
  if (value === 'DATA') return 'msg';
  if (value === 'METADATA') return 'metadata';
  throw value === undefined || value === null
    ? new NodeFailure(`"${key}" is missing`)
    : unexpected(key, value, 'DATA or METADATA');
}

/** FROM becomes TO and the other way: version 0 looked from the other entity. */
export const flipDirection: UpgradeStep = (configuration) => {
  const value = present(configuration, 'direction');
  if (value !== 'FROM' && value !== 'TO') throw unexpected('direction', value, 'FROM or TO');
  return { ...configuration, direction: value === 'FROM' ? 'TO' : 'FROM' };
};

function present(configuration: RawConfig, key: string): unknown {
  const value = configuration[key];
  if (value === undefined || value === null) throw new NodeFailure(`"${key}" is missing`);
  return value;
}

function unexpected(key: string, value: unknown, words: string): NodeFailure {
  return new NodeFailure(`"${key}" is ${JSON.stringify(value)}, not ${words}`);
}
