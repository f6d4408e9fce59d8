import type { Device } from '../../model/device.ts';
import type { Page } from '../../model/entity.ts';
import type { DeviceListQuery } from '../registry-store.ts';
import { closed, escaped, ID_LENGTH, KEYS, unescaped } from './keys.ts';
import { pageOfNames, recordsOf } from './names.ts';
import type { Queue } from './queue.ts';
import { pageAt } from './records.ts';

/** Names that one command of a search reads. */
const NAMES_PER_COMMAND = 2_000;

/** Name, NUL, id, profile: a filtered list need not read every device. */
export const deviceMember = ({ name, id, profile }: Device): string => `${closed(name)}${id}${escaped(profile)}`;

/** Devices by name; without a filter a page costs what it holds, with one it reads the index of names in pieces. */
export async function listDevices(queue: Queue, query: DeviceListQuery): Promise<Page<Device>> {
  const { page, pageSize, profile } = query;
  const part = query.textSearch?.toLowerCase() ?? '';
  if (part === '' && profile === undefined) {
    return pageOfNames<Device>(queue, { index: KEYS.deviceNames, records: KEYS.devices }, query);
  }
  const wanted = profile === undefined ? undefined : escaped(profile);
  const first = page * pageSize;
  const found: string[] = [];
  let matches = 0;
  for (let from = '-'; ; ) {
    const words = [KEYS.deviceNames, from, '+', 'LIMIT', 0, NAMES_PER_COMMAND];
    const members = (await queue.send('zrangebylex', words)) as readonly string[];
    for (const member of members) {
      const at = member.indexOf('\0');
      if (wanted !== undefined && member.slice(at + 1 + ID_LENGTH) !== wanted) continue;
      if (part !== '' && !unescaped(member.slice(0, at)).toLowerCase().includes(part)) continue;
      if (matches >= first && found.length < pageSize) found.push(member.slice(at + 1, at + 1 + ID_LENGTH));
      matches++;
    }
    if (members.length < NAMES_PER_COMMAND) break;
    from = `(${members.at(-1)}`;
  }
  return pageAt(await recordsOf<Device>(queue, KEYS.devices, found), matches, query);
}
