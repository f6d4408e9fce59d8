import { type LookupAddress, type LookupAllOptions, type LookupOneOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { addNetwork, isHostName } from '../../model/network.ts';

/** Keeps nodes away from addresses that are nobody's public service: this machine, its network, its cloud's metadata. */
export interface AddressGuard {
  /** Why a host that is written as an address may not be reached; undefined for names: their addresses are looked at later. */
  refuse(host: string): string | undefined;
  /** For `net.connect`: looks a name up and lets only addresses through that may be reached, so a name cannot change between check and use. */
  readonly lookup: (host: string, options: LookupOneOptions | LookupAllOptions, done: LookupDone) => void;
}

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Special-purpose networks (RFC 6890 and the registries it stands on). */
const CLOSED: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 128, 'ipv6'],
  ['::1', 128, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/** An IPv6 address that maps an IPv4 one is looked up as that one: BlockList does so itself. */
const closed = new BlockList();
for (const [net, prefix, family] of CLOSED) closed.addSubnet(net, prefix, family);

/**
 * @param allowed host names, addresses and networks (`10.0.0.0/8`) that may be reached all the same.
 * @throws Error that names an entry which is none of these.
 */
export function createAddressGuard(allowed: readonly string[]): AddressGuard {
  const names = new Set<string>();
  const open = new BlockList();
  for (const entry of allowed) addAllowed(entry, names, open);

  const refuseAddress = (address: string): string | undefined => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (open.check(address, family) || !closed.check(address, family)) return undefined;
    return `${address} is not a public address: name it in GRIDMOOR_ALLOWED_HOSTS if nodes may reach it`;
  };

  return {
    refuse(host) {
      const bare = host.replace(/^\[|\]$/g, '');
      return isIP(bare) === 0 ? undefined : refuseAddress(bare);
    },
    lookup(host, options, done) {
      lookup(host, { ...options, all: true }, (error, addresses) => {
        if (error) return done(error, '');
        const free = names.has(host.toLowerCase());
        const usable = free ? addresses : addresses.filter(({ address }) => refuseAddress(address) === undefined);
        const [first] = usable;
        if (first === undefined) {
          const reason = refuseAddress(addresses[0]?.address ?? '0.0.0.0');
          return done(new Error(`${host} may not be reached: ${reason}`), '');
        }
        if (options.all === true) done(null, [...usable]);
        else done(null, first.address, first.family);
      });
    },
  };
}

function addAllowed(entry: string, names: Set<string>, open: BlockList): void {
  if (addNetwork(open, entry)) return;
  if (!isHostName(entry)) throw new Error(`"${entry}" is no host name, address or network such as 10.0.0.0/8`);
  names.add(entry.toLowerCase());
}
