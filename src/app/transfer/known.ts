import { TENANT } from '../../model/entity.ts';
import type { SectionName, TransferItems } from '../../storage/transfer.ts';

type Needs = { readonly [N in SectionName]?: (record: TransferItems[N]) => readonly (string | undefined)[] };

const originatorOf = (text: string): string | undefined =>
  (JSON.parse(text) as { readonly originator?: { readonly id?: string } }).originator?.id;

/** What a record rests on, by id. */
const NEEDS: Needs = {
  suppliers: ({ id }) => [id],
  due: ({ deviceId }) => [deviceId],
  owners: ({ entityId, customerId }) => [entityId, customerId],
  claims: ({ deviceId }) => [deviceId],
  relations: ({ from, to }) => [from.id, to.id],
  attachments: ({ device, supplier, grid, supplyPointId }) => [device.id, supplier.id, grid.id, supplyPointId],
  attributes: ({ entityId }) => [entityId],
  latest: ({ entityId }) => [entityId],
  history: ({ entityId }) => [entityId],
  alarms: ({ text }) => [originatorOf(text)],
  alarmStates: ({ deviceId }) => [deviceId],
  rpcs: ({ rpc }) => [rpc.deviceId],
  messages: ({ originator }) => [originator.id],
  deadLetters: ({ text }) => [originatorOf(text)],
  otaBlocks: ({ id }) => [id],
  otaDevices: ({ deviceId, assigned }) => [deviceId, ...Object.values(assigned)],
  otaProfiles: ({ assigned }) => Object.values(assigned),
};

/** What a record is, for those that rest on it, and what no other record may be. */
const MAKES: Needs = {
  customers: ({ id, title }) => [id, `customer ${title}`],
  assets: ({ id, type, name }) => [id, `asset ${type}\0${name}`],
  devices: ({ device, present, former }) => [
    device.id,
    `device ${device.name}`,
    ...[present, former].flatMap((one) => (one === undefined ? [] : [`credentials ${one.index}`])),
  ],
  attachments: ({ device }) => [`attachment ${device.id}`],
  otaPackages: ({ id }) => [id],
};

/**
 * Of records that were read one after the other while they changed: leaves out what rests on something that is not there, and of
 * two holders of a supply point the second one when either was attached meanwhile. @param asOf when the reading began, ms.
 */
export function createKnown(asOf: number): { keeps(section: SectionName, record: object): boolean } {
  const known = new Set<string>([TENANT.id]);
  const holders = new Map<string, number>();
  const isHolder = ({ supplyPointHash, since }: TransferItems['attachments']): boolean => {
    const other = holders.get(supplyPointHash);
    if (other !== undefined && Math.max(other, since) >= asOf) return false;
    holders.set(supplyPointHash, since);
    return true;
  };
  return {
    keeps(section, record) {
      const needs = NEEDS[section] as ((one: object) => readonly (string | undefined)[]) | undefined;
      if (needs?.(record).some((id) => id === undefined || !known.has(id))) return false;
      if (section === 'attachments' && !isHolder(record as TransferItems['attachments'])) return false;
      const makes = MAKES[section] as ((one: object) => readonly string[]) | undefined;
      const made = makes?.(record) ?? [];
      if (made.some((one) => known.has(one))) return false;
      for (const one of made) known.add(one);
      return true;
    },
  };
}
