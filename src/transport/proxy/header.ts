import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** What the first bytes of a connection say, read as a PROXY protocol header (HAProxy's proxy-protocol.txt, versions 1 and 2). */
export type ProxyHeader =
  /** Right so far, but not whole. */
  | { readonly kind: 'part' }
  /**
   * `address` is undefined when the header tells none: the connection is the proxy's own. `secure`: the client came to the
   * proxy over TLS; version 1 cannot tell.
   */
  | {
      readonly kind: 'header';
      readonly length: number;
      readonly address: string | undefined;
      readonly secure: boolean;
    }
  | { readonly kind: 'invalid'; readonly problem: string };

const V1_START = Buffer.from('PROXY ');
/** With its CRLF. */
const V1_MAX_BYTES = 107;
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** Addresses and the extensions that load balancers add take a few hundred bytes; the length field would allow 65,535. */
const V2_MAX_BYTES = 4_096;
const COMMANDS: Readonly<Record<number, 'local' | 'proxy'>> = { 32: 'local', 33: 'proxy' };
/** By address family and transport: bytes of the address block. Datagrams cannot come over this socket. */
const FAMILIES: Readonly<Record<number, { readonly bytes: number; readonly family?: 'ipv4' | 'ipv6' }>> = {
  0: { bytes: 0 },
  17: { bytes: 12, family: 'ipv4' },
  33: { bytes: 36, family: 'ipv6' },
  49: { bytes: 216 },
};

/** PP2_TYPE_SSL, and the bit of its first byte that says that the client used TLS. */
const SSL_EXTENSION = 0x20;
const CLIENT_SSL = 0x01;

const PART: ProxyHeader = { kind: 'part' };
const invalid = (problem: string): ProxyHeader => ({ kind: 'invalid', problem });

/** Reads the header at the beginning of `bytes`; what follows it is not looked at. Never throws. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_START)) return bytes.length < V2_FIXED_BYTES ? PART : version2(bytes);
  if (startsLike(bytes, V1_START)) return bytes.length < V1_START.length ? PART : version1(bytes);
  return invalid('it does not begin with a PROXY header');
}

/** Whether the bytes are the start of `start`, or the other way round. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const both = Math.min(bytes.length, start.length);
  return bytes.subarray(0, both).equals(start.subarray(0, both));
}

function version1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX_BYTES ? PART : invalid('its first line is too long');
  const length = end + 2;
  const words = bytes.toString('latin1', 0, end).split(' ');
  const [, family, source = '', destination = '', ...ports] = words;
  // The sender does not know: whatever follows on the line counts for nothing.
  if (family === 'UNKNOWN') return { kind: 'header', length, address: undefined, secure: false };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return invalid('its family is none of TCP4, TCP6 and UNKNOWN');
  const right = [source, destination].every((word) => isAddress(word) && !word.includes('%'));
  if (!right || ports.length !== 2 || !ports.every(isPort)) return invalid('its addresses or ports are malformed');
  const address = canonical(source, family === 'TCP4' ? 'ipv4' : 'ipv6');
  return { kind: 'header', length, address, secure: false };
}

function isPort(word: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(word) && Number(word) <= 65_535;
}

function version2(bytes: Buffer): ProxyHeader {
  const command = COMMANDS[bytes.readUInt8(12)];
  if (command === undefined) return invalid('its version or command is unknown');
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (length > V2_MAX_BYTES) return invalid(`it is longer than ${V2_MAX_BYTES} bytes`);
  if (bytes.length < length) return PART;
  // The proxy speaks for itself, as in a health check: the rest counts for nothing.
  if (command === 'local') return { kind: 'header', length, address: undefined, secure: false };
  const known = FAMILIES[bytes.readUInt8(13)];
  if (known === undefined) return invalid('its address family or transport is not one of a stream');
  if (length < V2_FIXED_BYTES + known.bytes) return invalid('its addresses are cut short');
  const extensions = readExtensions(bytes.subarray(V2_FIXED_BYTES + known.bytes, length));
  if (extensions === undefined) return invalid('its extensions are malformed');
  const tls = extensions.get(SSL_EXTENSION);
  const secure = tls !== undefined && tls.length >= 5 && (tls.readUInt8(0) & CLIENT_SSL) !== 0;
  return { kind: 'header', length, address: known.family && sourceOf(bytes, known.family), secure };
}

/** By type. Type, two bytes of length, value; repeated to the end. */
function readExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const extensions = new Map<number, Buffer>();
  let at = 0;
  while (at + 3 <= bytes.length) {
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    extensions.set(bytes.readUInt8(at), bytes.subarray(at + 3, end));
    at = end;
  }
  return at === bytes.length ? extensions : undefined;
}

function sourceOf(bytes: Buffer, family: 'ipv4' | 'ipv6'): string {
  if (family === 'ipv4') return bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + 4).join('.');
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(V2_FIXED_BYTES + group * 2).toString(16));
  return canonical(groups.join(':'), family);
}

/** One spelling for one address, the one that sockets have: limits are counted by it. */
function canonical(address: string, family: 'ipv4' | 'ipv6'): string {
  return new SocketAddress({ address, family }).address;
}
