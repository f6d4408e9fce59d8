import { BlockList, isIP } from 'node:net';

/** Adds an address or a network (`10.0.0.0/8`, `fd00::/8`) to the list; false when the entry is neither. */
export function addNetwork(list: BlockList, entry: string): boolean {
  const [address = '', prefix, ...more] = entry.split('/');
  const version = isIP(address);
  // BlockList knows no zones (fe80::1%eth0) and throws.
  if (version === 0 || more.length > 0 || address.includes('%')) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) list.addAddress(address, family);
  else if (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32)) {
    list.addSubnet(address, Number(prefix), family);
  } else return false;
  return true;
}

/** Whether an address of a socket is in the list; one that maps IPv4 into IPv6 counts as the IPv4 one. */
export function isListed(list: BlockList, address: string): boolean {
  return list.check(address.replace(/%.*$/, ''), isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Entries with commas between; `wrong` are those that are no address and no network. */
export function parseNetworks(text: string): { readonly list: BlockList; readonly wrong: readonly string[] } {
  const list = new BlockList();
  const entries = text.split(',').flatMap((entry) => entry.trim() || []);
  return { list, wrong: entries.filter((entry) => !addNetwork(list, entry)) };
}

/** Hosts as operators name them: names, addresses and networks with commas between; `wrong` are those that are none of these. */
export function parseHosts(text: string): { readonly hosts: readonly string[]; readonly wrong: readonly string[] } {
  const hosts = text.split(',').flatMap((entry) => entry.trim() || []);
  return { hosts, wrong: hosts.filter((entry) => !addNetwork(new BlockList(), entry) && !isHostName(entry)) };
}

/** The letters of a name are looked at, not whether there is one of it. */
export function isHostName(text: string): boolean {
  return isIP(text) === 0 && /^[A-Za-z0-9._-]+$/.test(text);
}
