import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of the test, to be removed at its end. */
export interface Folder {
  readonly folder: string;
  remove(): Promise<void>;
}

async function folderWith(files: Readonly<Record<string, unknown>>): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), 'gridmoor-sdk-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A chain that stores, and answers every call of a device. */
export function withChain(): Promise<Folder> {
  const to = { 'Post attributes': 'attributes', 'Post telemetry': 'series', 'RPC Request from Device': 'noon' };
  return folderWith({
    'root.json': {
      name: 'root',
      root: true,
      first: 'by-type',
      nodes: {
        'by-type': { kind: 'filter/msg-type-switch', to },
        attributes: { kind: 'action/save-attributes', config: { scope: 'CLIENT_SCOPE' } },
        series: { kind: 'action/save-telemetry' },
        noon: { kind: 'transform/set-keys', config: { msg: { time: 'noon' } }, to: { Success: 'answer' } },
        answer: { kind: 'rpc/reply' },
      },
    },
  });
}

/** The sample profile, and those that a gateway's devices get. */
export async function withProfiles(): Promise<Folder> {
  const sample = await readFile(new URL('../../device-profiles/smart-meter.json', import.meta.url), 'utf8');
  const { $schema: _, ...smartMeter } = JSON.parse(sample) as Record<string, unknown>;
  return folderWith({
    'smart-meter.json': smartMeter,
    'default.json': { name: 'default' },
    'sensor.json': { name: 'sensor' },
  });
}
