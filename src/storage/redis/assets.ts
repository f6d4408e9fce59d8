import type { Asset } from '../../model/entity.ts';
import type { Draft } from './commit.ts';
import { closed, KEYS, newId } from './keys.ts';

export const typePrefix = (type: string): string => closed(type);
export const namePrefix = (type: string, name: string): string => `${closed(type)}${closed(name)}`;

/** The asset of that type and name, as far as this step is concerned. */
export async function assetByName(draft: Draft, type: string, name: string): Promise<Asset | undefined> {
  const prefix = namePrefix(type, name);
  const [member] = await draft.members(KEYS.assetNames, prefix, 1);
  return member === undefined ? undefined : draft.record<Asset>(KEYS.assets, member.slice(prefix.length));
}

export async function ensureAsset(
  draft: Draft,
  asset: Asset,
): Promise<{ readonly asset: Asset; readonly created: boolean }> {
  const existing = await assetByName(draft, asset.type, asset.name);
  if (existing !== undefined) return { asset: existing, created: false };
  writeAsset(draft, asset);
  return { asset, created: true };
}

/** Record, index and count of an asset that is new. */
export function writeAsset(draft: Draft, asset: Asset): void {
  draft.write('hset', KEYS.assets, newId(asset.id), JSON.stringify(asset));
  draft.write('zadd', KEYS.assetNames, 0, `${namePrefix(asset.type, asset.name)}${asset.id}`);
  draft.write('hincrby', KEYS.assetTypes, asset.type, 1);
}

export function dropAsset(draft: Draft, asset: Asset): void {
  draft.write('hdel', KEYS.assets, asset.id);
  draft.write('zrem', KEYS.assetNames, `${namePrefix(asset.type, asset.name)}${asset.id}`);
  draft.write('hincrby', KEYS.assetTypes, asset.type, -1);
}
