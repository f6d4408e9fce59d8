import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ChainGraph, GraphNode } from '../../../src/rules/chain-graph.ts';
import { lintChains, loadChains } from '../../../src/rules/generation.ts';
import { tempFolder } from '../../helpers/chain-kit.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/thingsboard');
const fixture = (name: string) => readFileSync(join(FIXTURES, name), 'utf8');
const PREFIX = 'org.thingsboard.rule.engine.';

/** What need not be here: services and entities that this broker has none of (thingsboard-rule-chains 2), by class. */
const MAY_BE_MISSING = [
  ...['geo.TbGpsGeofencingFilterNode', 'geo.TbGpsGeofencingActionNode', 'metadata.TbGetTenantDetailsNode'],
  ...['metadata.TbFetchDeviceCredentialsNode', 'mail.TbMsgToEmailNode', 'mail.TbSendEmailNode', 'sms.TbSendSmsNode'],
  ...['telemetry.TbCalculatedFieldsNode', 'action.TbDeviceStateNode'],
  ...['action.TbCopyAttributesToEntityViewNode', 'action.TbSaveToCustomCassandraTableNode'],
  ...['notification.TbNotificationNode', 'notification.TbSlackNode', 'aws.sns.TbSnsNode', 'aws.sqs.TbSqsNode'],
  ...['aws.lambda.TbAwsLambdaNode', 'gcp.pubsub.TbPubSubNode', 'mqtt.azure.TbAzureIotHubNode', 'ai.TbAiNode'],
];

describe('a chain with a node of every class of ThingsBoard CE', () => {
  let graph: ChainGraph;
  let nodes: GraphNode[];
  beforeAll(async () => {
    await using folder = await tempFolder({
      'every-class.json': fixture('every-class.json'),
      'called.json': fixture('called.json'),
      'root.json': '{ "rootChain": "Every class" }',
    });
    const loaded = await loadChains(folder.path);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues.filter(({ level }) => level === 'error')));
    const found = loaded.generation.graphs.get('Every class');
    if (!found) throw new Error('no graph');
    graph = found;
    nodes = [...found.nodes.values()];
  });

  it('loads, with a node of each', () => {
    expect(graph.root).toBe(true);
    expect(nodes).toHaveLength(77);
  });

  it('has a kind for every class but those of services that are not here', () => {
    const missing = nodes.flatMap(({ kind, config }) => (kind === 'flow/unsupported' ? [String(config.class)] : []));
    expect(missing.filter((name) => !MAY_BE_MISSING.includes(name.replace(PREFIX, '')))).toEqual([]);
  });

  it('is told of each node that cannot run, by file, node and class', async () => {
    await using folder = await tempFolder({
      'a.json': fixture('every-class.json'),
      'called.json': fixture('called.json'),
    });
    const told = (await lintChains(folder.path)).filter(({ rule }) => rule === 'not-supported');
    const unsupported = nodes.filter(({ kind }) => kind === 'flow/unsupported');
    expect(told.map(({ problem }) => problem)).toEqual(
      unsupported.map(({ name, config }) =>
        expect.stringMatching(`^node "${name}": ThingsBoard's ${config.class} is not`),
      ),
    );
    expect(new Set(told.map(({ file }) => file))).toEqual(new Set([folder.file('a.json')]));
  });
});
