import { NodeFailure, type RawConfig, type ThingsBoardForm } from '../node-kind.ts';

/** A node's configuration at the version that its form speaks, and the queue that older versions kept in it. */
export interface Upgraded {
  readonly configuration: RawConfig;
  readonly queueName?: string;
}

/**
 * Takes a configuration step by step to the form's version (thingsboard-rule-chains 1.6). ThingsBoard installs its defaults
 * when a step fails; here it is a NodeFailure.
 */
export function upgradeConfiguration(form: ThingsBoardForm, configuration: RawConfig, version: number): Upgraded {
  if (version > form.version) {
    throw new NodeFailure(
      `configurationVersion ${version} is newer than ${form.version}, the newest that is known here`,
    );
  }
  let current = configuration;
  for (let from = version; from < form.version; from++) {
    const step = form.upgrades?.[from];
    if (step === undefined) throw new NodeFailure(`a configuration of version ${from} cannot be upgraded`);
    try {
      current = step(current);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new NodeFailure(`cannot be upgraded from configurationVersion ${from} to ${from + 1}: ${reason}`);
    }
  }
  // Checkpoint, deduplication and generator: since their version 1 the queue stands on the node.
  const { queueName } = configuration;
  if (typeof queueName !== 'string' || Object.hasOwn(current, 'queueName')) return { configuration: current };
  return { configuration: current, queueName };
}
