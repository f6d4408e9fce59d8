import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProxyHeader } from '../../../src/transport/proxy/header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const v2 = (command: string, family: string, body: string, length = body.length / 2): Buffer =>
  Buffer.from(`${SIGNATURE}${command}${family}${length.toString(16).padStart(4, '0')}${body}`, 'hex');
const V4 = 'c000020ac6336414d903075b'; // 192.0.2.10 to 198.51.100.20
const V6 = `20010db8${'0'.repeat(22)}10${'20010db8'}${'0'.repeat(22)}20d903075b`;
const kindOf = (bytes: Buffer | string): string =>
  parseProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).kind;

const RIGHT: readonly [string, Buffer | string, string | undefined][] = [
  ['TCP4', 'PROXY TCP4 192.0.2.10 198.51.100.20 55555 1883\r\n', '192.0.2.10'],
  ['TCP6', 'PROXY TCP6 2001:DB8:0:0:0:0:0:10 2001:db8::20 55555 1883\r\n', '2001:db8::10'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', undefined],
  ['UNKNOWN with more', 'PROXY UNKNOWN ff:ff whatever 1 2 3\r\n', undefined],
  ['v2 TCP over IPv4', v2('21', '11', V4), '192.0.2.10'],
  ['v2 TCP over IPv6', v2('21', '21', V6), '2001:db8::10'],
  ['v2 with extensions', v2('21', '11', `${V4}0400020000ea000161`), '192.0.2.10'],
  ['v2 LOCAL', v2('20', '00', ''), undefined],
  ['v2 LOCAL with anything behind it', v2('20', '11', 'ffffff'), undefined],
  ['v2 of unknown family', v2('21', '00', ''), undefined],
  ['v2 over a UNIX socket', v2('21', '31', '00'.repeat(216)), undefined],
];

const WRONG: readonly [string, Buffer | string][] = [
  ['an MQTT CONNECT', Buffer.from('101200044d5154540402', 'hex')],
  ['an HTTP request', 'GET / HTTP/1.1\r\n'],
  ['another case', 'proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['another family', 'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['no family', 'PROXY \r\n'],
  ['an IPv6 address under TCP4', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['an IPv4 address under TCP6', 'PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a zone', 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'],
  ['leading zeros', 'PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n'],
  ['a port above 65535', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n'],
  ['a port with a sign', 'PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n'],
  ['a port with zeros before it', 'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n'],
  ['one port', 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'],
  ['three ports', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n'],
  ['two spaces', 'PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n'],
  ['a line feed alone', `PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n${'x'.repeat(107)}`],
  ['a line that does not end', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  ['v2 with another version', v2('11', '11', V4)],
  ['v2 with another command', v2('22', '11', V4)],
  ['v2 over UDP', v2('21', '12', V4)],
  ['v2 with another family', v2('21', '41', V4)],
  ['v2 with an address that is cut short', v2('21', '11', V4.slice(2))],
  ['v2 with an extension that is cut short', v2('21', '11', `${V4}04000200`)],
  ['v2 longer than any load balancer sends', v2('21', '11', '', 65_535)],
];

describe('PROXY header', () => {
  it.each(RIGHT)('%s gives its source address', (_name, bytes, address) => {
    const header = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    const read = parseProxyHeader(Buffer.concat([header, Buffer.from('\x10\x0c')]));
    expect(read).toEqual({ kind: 'header', length: header.length, address, secure: false });
  });

  it.each([
    ['of a client that came over TLS', '2000050100000000', true],
    ['of a client that showed a certificate, too', '2000050700000000', true],
    ['of a client that came without TLS', '2000050000000000', false],
    ['that is cut short', '20000401000000', false],
  ])('an extension of TLS %s says so', (_what, extension, secure) => {
    expect(parseProxyHeader(v2('21', '11', V4 + extension))).toMatchObject({ address: '192.0.2.10', secure });
  });

  it.each(RIGHT)('%s is asked on for at every length before its own', (_name, bytes) => {
    const header = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (let length = 0; length < header.length; length++) expect(kindOf(header.subarray(0, length))).toBe('part');
  });

  it.each(WRONG)('%s is refused', (_name, bytes) => expect(kindOf(bytes)).toBe('invalid'));

  it('a first byte that begins no header is refused at once', () => {
    for (let byte = 0; byte < 256; byte++) {
      const first = byte === 0x0d || byte === 0x50;
      expect(kindOf(Buffer.from([byte]))).toBe(first ? 'part' : 'invalid');
    }
  });

  it('never asks for more than 4,096 bytes, and never throws', () => {
    const starts = [Buffer.from('PROXY '), Buffer.from(`${SIGNATURE}2111`, 'hex'), Buffer.alloc(0)];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 5_000, size: 'max' }), (start, tail) => {
        const bytes = Buffer.concat([start, tail]);
        const read = parseProxyHeader(bytes);
        if (read.kind === 'part') expect(bytes.length).toBeLessThan(4_096);
        if (read.kind === 'header') expect(read.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
