import { OUTCOMES, type ProfileCounters, sumOfProfiles } from '../device-api/index.ts';
import type { MetricSpec, Sample } from '../observe/index.ts';
import type { AdminDeps } from './deps.ts';

/** Hands readiness and the counters of message path, sessions, store and rule nodes to the metrics; each is read once per scrape. */
export function pullMetrics(
  deps: Pick<
    AdminDeps,
    'metrics' | 'counters' | 'deviceApi' | 'generation' | 'storage' | 'health' | 'instance' | 'statistics'
  >,
): void {
  const { metrics, counters, deviceApi, generation, storage, health, instance, statistics } = deps;
  const total = (name: string, help: string, read: () => number): void =>
    metrics.pull('counter', { name: `gridmoor_${name}_total`, help }, read);
  const totals = (name: string, help: string, labels: readonly string[], read: () => Iterable<Sample>): void =>
    metrics.pull('counter', { name: `gridmoor_${name}_total`, help, labels }, read);
  const gauge = (
    name: string,
    help: string,
    read: () => number | Promise<number>,
    together: MetricSpec['together'] = 'sum',
  ): void => metrics.pull('gauge', { name: `gridmoor_${name}`, help, together }, read);

  total('messages_received', 'Messages taken from devices.', () => counters.received);
  totals('messages', 'Messages by their one outcome.', ['outcome'], () =>
    Object.entries(counters.outcomes).map(([outcome, value]) => ({ value, labels: { outcome } })),
  );
  totals('device_messages', 'Messages that devices sent, by their one outcome.', ['outcome'], () =>
    OUTCOMES.map((outcome) => ({ value: endedSo(sumOfProfiles(counters), outcome), labels: { outcome } })),
  );
  metrics.pull(
    'gauge',
    {
      name: 'gridmoor_devices',
      help: 'Devices by condition: online, offline, inactive (never heard of), disabled, retired.',
      labels: ['condition'],
      together: 'max',
    },
    async () => {
      const { total: _, ...counts } = await statistics.devices.counts();
      return Object.entries(counts).map(([condition, value]) => ({ value, labels: { condition } }));
    },
  );
  gauge('messages_in_flight', 'Messages received that have no outcome yet.', () => counters.inFlight);
  totals('refusals', 'Refused logins, provisioning requests and API keys.', ['reason'], () =>
    byWord(counters.refusals, 'reason'),
  );
  totals('provisioned', 'Devices provisioned.', ['reason'], () => byWord(counters.provisioned, 'reason'));
  total('connects', 'Connections that devices opened.', () => sumOfProfiles(counters).connects);
  total(
    'sub_device_connects',
    'Sessions of sub-devices, opened by way of their gateways.',
    () => sumOfProfiles(counters).subDeviceConnects,
  );
  total('take_overs', 'Sessions that ended a former one of their device.', () => counters.takeOvers);
  const forgotten = 'Dead letters, the oldest, that had to go for newer ones: only so many are kept.';
  total('dead_letters_forgotten', forgotten, () => counters.lettersForgotten);
  total('downlinks', 'Messages sent to devices.', () => sumOfProfiles(counters).downlinks);
  const dropped = 'Messages to devices that did not read.';
  total('downlinks_dropped', dropped, () => sumOfProfiles(counters).downlinksDropped);
  gauge('sessions', 'Devices connected now.', () => deviceApi.connected);
  const behind = 'Those of them that are connected by way of a gateway.';
  gauge('sub_device_sessions', behind, () => statistics.open().subDevices);
  const waiting = 'Messages in the store that go on later: delayed, or at a checkpoint.';
  gauge('waiting_messages', waiting, () => storage.messages.count(), 'max');
  const ready = 'Whether the instance takes traffic, as /readyz says.';
  gauge('ready', ready, async () => Number((await health.readyz()).ready), 'min');
  metrics.pull(
    'gauge',
    { name: 'gridmoor_check', help: 'Checks of /readyz: 1 holds, 0 does not.', labels: ['check'], together: 'min' },
    async () => (await health.readyz()).checks.map(({ name, ok }) => ({ value: Number(ok), labels: { check: name } })),
  );
  gauge('store_pending_writes', 'Writes that wait for their commit.', () => storage.health().pendingWrites);

  const node = ['chain', 'node'];
  const perNode = (name: string, help: string, field: 'in' | 'failed' | 'retried' | 'deadLettered'): void =>
    totals(name, help, node, () =>
      generation()
        .counters()
        .map((line) => ({ value: line[field], labels: { chain: line.chain, node: line.node } })),
    );
  perNode('rule_node_messages', 'Messages that reached a rule node.', 'in');
  perNode('rule_node_failures', 'Messages that a rule node failed.', 'failed');
  perNode('rule_node_retries', 'Times that a rule node was tried again.', 'retried');
  perNode('rule_node_dead_letters', 'Messages that ended at a rule node as dead letters.', 'deadLettered');
  totals('rule_edge_messages', 'Messages that left a rule node by an edge.', [...node, 'relation'], () =>
    generation()
      .counters()
      .flatMap(({ chain, node: from, edges }) =>
        Object.entries(edges).map(([relation, value]) => ({ value, labels: { chain, node: from, relation } })),
      ),
  );
  metrics
    .gauge({ name: 'gridmoor_info', help: 'Always 1; the labels say what runs.', labels: ['version', 'instance'] })
    .set(1, { version: instance.version, instance: instance.id });
}

const endedSo = ({ up }: ProfileCounters, outcome: (typeof OUTCOMES)[number]): number =>
  Object.values(up).reduce((sum, outcomes) => sum + outcomes[outcome], 0);

const byWord = (map: ReadonlyMap<string, number>, label: string): readonly Sample[] =>
  [...map].map(([word, value]) => ({ value, labels: { [label]: word } }));
