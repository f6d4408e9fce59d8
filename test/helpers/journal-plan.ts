/** One device of a fleet, as the device process reads it. */
export interface PlannedDevice {
  readonly name: string;
  /** In each of its payloads; in nobody else's. */
  readonly owner: string;
  readonly token: string;
  /** Tokens of further requests for the same name, sent at the same time. */
  readonly rivals: readonly string[];
  /** A token that another device asks for too. */
  readonly wish?: string;
  /** As it is sent; `stem`: its first 20 characters. */
  readonly cups: string;
  readonly stem: string;
  readonly supplierKey: string;
  readonly version: 4 | 5;
  readonly messages: number;
  /** Each so-many-th message repeats the attachment. */
  readonly attachEvery: number;
}

/** Stands in each secret that the fleet makes up: to be found nowhere but in the journal. */
export const SECRET_MARK = 'pl4nted';

export interface FleetOptions {
  readonly seed: number;
  readonly groups: number;
  readonly messages: number;
  readonly supplierKeys: readonly string[];
  /** Default 29. */
  readonly attachEvery?: number;
  /** Names begin with it. */
  readonly prefix?: string;
  /**
   * `mixed`: some of everything. `alone`: one device each. `rivals`: one name that is asked for twice at once. `twins`: two devices
   * that want one supply point.
   */
  readonly shape?: 'mixed' | 'alone' | 'rivals' | 'twins';
}

/**
 * Groups of devices that begin together: single ones; one name asked for five times at once, some fifty times; two that share a supply
 * point in both forms; two that ask for one token.
 */
export function planFleet(options: FleetOptions): readonly (readonly PlannedDevice[])[] {
  const { seed, groups, messages, supplierKeys, attachEvery = 29, prefix = 'meter', shape = 'mixed' } = options;
  const make = (group: number, member: number, more: Partial<PlannedDevice> = {}): PlannedDevice => {
    const number = group * 10 + member;
    const distributor = group % 3 === 0 ? '1234' : '9999';
    const stem = cupsStem(`${distributor}${String(seed % 100_000).padStart(5, '0')}${String(number).padStart(7, '0')}`);
    const tail = `${seed.toString(36)}-${number}`;
    return {
      name: `${prefix}-${tail}-end`,
      owner: `owner-${tail}-end`,
      token: `${SECRET_MARK}-token-${tail}-own`,
      rivals: [],
      cups: number % 3 === 0 ? `${stem}0F` : stem,
      stem,
      supplierKey: supplierKeys[number % supplierKeys.length] ?? '',
      version: number % 2 === 0 ? 4 : 5,
      messages,
      attachEvery,
      ...more,
    };
  };
  return Array.from({ length: groups }, (_, group): readonly PlannedDevice[] => {
    const first = make(group, 0);
    if (shape === 'alone') return [first];
    const kind = { mixed: group % 4, rivals: 1, twins: 2 }[shape];
    switch (kind) {
      case 1: {
        const others = shape === 'rivals' ? 1 : group % 40 === 1 ? 49 : 4;
        const rivals = Array.from({ length: others }, (_, rival) => `${first.token}-rival-${rival}`);
        return [{ ...first, rivals }];
      }
      case 2: {
        const { stem } = first;
        return [{ ...first, cups: stem }, make(group, 1, { stem, cups: `${stem}1P` })];
      }
      case 3: {
        const wish = `${SECRET_MARK}-token-${first.name}-wish`;
        return [{ ...first, wish }, make(group, 1, { wish })];
      }
      default:
        return [first, make(group, 1)];
    }
  });
}

const TABLE = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** A CUPS of sixteen digits with its two control letters (cups.md 2), computed apart from the code under test. */
export function cupsStem(digits: string): string {
  const rest = Number(BigInt(digits) % 529n);
  return `ES${digits}${TABLE[Math.floor(rest / 23)]}${TABLE[rest % 23]}`;
}
