import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from './broker.ts';
import { api } from './system.ts';

const EVENTS = ['Connect Event', 'Disconnect Event', 'Activity Event', 'Inactivity Event'];
const RPC_EVENTS = ['Queued', 'Sent', 'Delivered', 'Successful', 'Timeout', 'Expired', 'Failed', 'Deleted'];

const chainOf = (more: readonly string[]) => ({
  name: 'events',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: {
        'Post telemetry': 'save-series',
        'Post attributes': 'save-attributes',
        ...Object.fromEntries(EVENTS.map((label) => [label, 'keep'])),
        ...Object.fromEntries(more.map((label) => [label, 'keep'])),
        ...Object.fromEntries(RPC_EVENTS.map((label) => [`RPC ${label}`, 'keep'])),
      },
    },
    'save-series': { kind: 'action/save-telemetry' },
    'save-attributes': { kind: 'action/save-attributes' },
    keep: { kind: 'flow/dead-letter', config: { reason: 'to be seen' } },
  },
});

/** A folder with a chain that keeps every event of connectivity and of persistent calls as a dead letter, where tests read it. @param more labels of other kept ones. */
export async function eventChain(
  ...more: readonly string[]
): Promise<{ readonly chainsDir: string } & AsyncDisposable> {
  const chainsDir = await mkdtemp(join(tmpdir(), 'gridmoor-chains-'));
  await writeFile(join(chainsDir, 'events.json'), JSON.stringify(chainOf(more)));
  return { chainsDir, [Symbol.asyncDispose]: () => rm(chainsDir, { recursive: true, force: true }) };
}

export interface KeptEvent {
  readonly msgType: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Events of a device, oldest first. */
export async function eventsOf(broker: Broker, name: string): Promise<readonly KeptEvent[]> {
  const path = '/api/gridmoor/dead-letters';
  const { data } = await api<{ data: { id: string; originator: { name: string } }[] }>(broker, `${path}?pageSize=1000`);
  const own = data.filter(({ originator }) => originator.name === name).reverse();
  return Promise.all(own.map(({ id }) => api<KeptEvent>(broker, `${path}/${encodeURIComponent(id)}`)));
}

export const eventTypes = async (broker: Broker, name: string): Promise<readonly string[]> =>
  (await eventsOf(broker, name)).map(({ msgType }) => msgType);
