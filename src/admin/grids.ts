import { BrokerError } from '../errors.ts';
import type { Grid } from '../model/attachment.ts';
import type { Asset } from '../model/entity.ts';
import { parseDeviceId } from '../model/ids.ts';
import { nameProblem } from '../registry/registry.ts';
import type { AdminDeps } from './deps.ts';

type GridDeps = Pick<AdminDeps, 'attachments' | 'storage'>;

export interface GivenGrid {
  readonly code?: string;
  readonly name?: string;
}

const STEP = 500;
/** Devices of a grid that are looked at for its name: the first of them may just be leaving it. */
const MAX_DEVICES = 10;

/**
 * The grid that a request names. One of code and name is enough for a grid that a device is on already; a new one needs both.
 * Throws BAD_REQUEST with `grid`.
 */
export async function gridOf({ code, name }: GivenGrid, deps: GridDeps): Promise<Grid> {
  const wrong =
    (code === undefined ? undefined : nameProblem(code, 'code of the grid')) ??
    (name === undefined ? undefined : nameProblem(name, 'name of the grid'));
  if (wrong) throw refused(wrong);
  if (code !== undefined && name !== undefined) return { code, name };
  if (code !== undefined) {
    const asset = await deps.storage.assets.assetByName('Grid', code);
    const known = asset && (await named(asset, deps));
    if (!known) throw refused('no device is on a grid of this code: say its name, too');
    return known;
  }
  if (name === undefined) throw refused('say the code of the grid, its name, or both');
  return byName(name, deps);
}

async function byName(name: string, deps: GridDeps): Promise<Grid> {
  const found: Grid[] = [];
  for (let page = 0, more = true; more; page++) {
    const step = await deps.storage.assets.assets({ type: 'Grid', page, pageSize: STEP });
    for (const asset of step.data) {
      const grid = await named(asset, deps);
      if (grid?.name === name) found.push(grid);
    }
    more = step.hasNext;
  }
  const [grid, second] = found;
  if (!grid) throw refused('no device is on a grid of this name: say its code, too');
  if (second) throw refused(`grids ${grid.code} and ${second.code} both have this name: say the code`);
  return grid;
}

/** A grid is kept by its code; its name stands in the attachments of its devices. */
async function named(asset: Asset, { attachments, storage }: GridDeps): Promise<Grid | undefined> {
  const devices = await storage.assets.relationsFrom({ entityType: 'ASSET', id: asset.id }, 'Feeds', MAX_DEVICES);
  for (const { to } of devices) {
    const device = to.entityType === 'DEVICE' ? parseDeviceId(to.id) : undefined;
    const grid = device && (await attachments.attachment(device))?.grid;
    if (grid?.code === asset.name) return { code: grid.code, name: grid.name };
  }
  return undefined;
}

const refused = (detail: string): BrokerError => new BrokerError('BAD_REQUEST', { field: 'grid', detail });
