import type { Asset } from '../../model/entity.ts';
import { dropAlarmsOf } from './alarm-records.ts';
import { dropDeadLettersOf } from './dead-letters.ts';
import type { Tables } from './environment.ts';
import { closedUtf8, joinKey, newIdKey, prefixEnd, utf8 } from './keys.ts';
import { dropMessagesOf } from './message-store.ts';
import { adjustCounter, getJson, putJson } from './records.ts';

/** `type, NUL, name`: ordered by type, then name. */
export const assetNameKey = (type: string, name: string): Buffer => joinKey(closedUtf8(type), utf8(name));

export const typePrefix = (type: string): Buffer => closedUtf8(type);

export const ALL_ASSETS = 'assets';
export const ofType = (type: string): string => `assets:${type}`;

export function assetByName(tables: Tables, type: string, name: string): Asset | undefined {
  const id = tables.assetNames.get(assetNameKey(type, name));
  return id && getJson<Asset>(tables.assets, id);
}

const LAST = Buffer.from([0xff]);

/** One look-up for each type there is: the keys of a type are jumped over. */
export function assetsByName(tables: Tables, name: string): readonly Asset[] {
  const found: Asset[] = [];
  for (let from: Buffer = Buffer.from([0]); ; ) {
    const [first] = tables.assetNames.keys({ from, to: LAST, limit: 1 });
    if (first === undefined) return found;
    const type = first.toString('utf8', 0, first.indexOf(0));
    const asset = assetByName(tables, type, name);
    if (asset !== undefined) found.push(asset);
    from = prefixEnd(typePrefix(type));
  }
}

export function ensureAsset(tables: Tables, asset: Asset): { readonly asset: Asset; readonly created: boolean } {
  const existing = assetByName(tables, asset.type, asset.name);
  if (existing !== undefined) return { asset: existing, created: false };
  const id = newIdKey(asset.id);
  putJson(tables.assets, id, asset);
  tables.assetNames.put(assetNameKey(asset.type, asset.name), id);
  adjustCounter(tables.counters, ALL_ASSETS, 1);
  adjustCounter(tables.counters, ofType(asset.type), 1);
  return { asset, created: true };
}

export function dropAsset(tables: Tables, asset: Asset): void {
  dropAlarmsOf(tables, { entityType: 'ASSET', id: asset.id });
  dropDeadLettersOf(tables, { entityType: 'ASSET', id: asset.id });
  dropMessagesOf(tables, { entityType: 'ASSET', id: asset.id });
  tables.assets.remove(newIdKey(asset.id));
  tables.assetNames.remove(assetNameKey(asset.type, asset.name));
  adjustCounter(tables.counters, ALL_ASSETS, -1);
  adjustCounter(tables.counters, ofType(asset.type), -1);
}
