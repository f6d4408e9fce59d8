import { describe, expect, it } from 'vitest';
import { bytesBody, FORMATS, jsonBody } from '../../../src/transport/coap/answer.ts';
import type { Block } from '../../../src/transport/coap/block.ts';
import { CODES, OPTIONS } from '../../../src/transport/coap/codec.ts';
import { Downloads } from '../../../src/transport/coap/downloads.ts';
import { RecentRequests } from '../../../src/transport/coap/recent-requests.ts';
import type { CoapRequest } from '../../../src/transport/coap/request.ts';
import { Uploads } from '../../../src/transport/coap/uploads.ts';

const LIFETIME_MS = 247_000;
const clockAt = (ms: number) => {
  const clock = { ms, now: () => clock.ms, monotonic: () => clock.ms };
  return clock;
};
const block = (number: number, more: boolean, size = 16): Block => ({ number, more, size });
const request = (resource: string, more: Partial<CoapRequest> = {}): CoapRequest => ({
  peer: { address: '192.0.2.1', port: 1, key: '192.0.2.1|1' },
  code: CODES.post,
  token: Buffer.alloc(0),
  path: [],
  query: [],
  observe: undefined,
  block1: undefined,
  block2: undefined,
  payload: Buffer.alloc(0),
  resource,
  ...more,
});
const part = (resource: string, number: number, more = true, payload = Buffer.alloc(16, 'x')): CoapRequest =>
  request(resource, { block1: block(number, more), payload });
const codeOf = (upload: ReturnType<Uploads['take']>): number | 'whole' =>
  upload.kind === 'whole' ? 'whole' : upload.answer.code;

describe('uploads', () => {
  it('of several resources and peers do not mix', () => {
    const uploads = new Uploads({ maxBytes: 1_000, maxTotalBytes: 10_000 }, clockAt(0));
    uploads.take(part('a', 0, true, Buffer.alloc(16, 'a')));
    uploads.take(part('b', 0, true, Buffer.alloc(16, 'b')));
    expect(uploads.take(part('a', 1, false, Buffer.from('1')))).toEqual({
      kind: 'whole',
      payload: Buffer.from(`${'a'.repeat(16)}1`),
    });
    expect(uploads.take(part('b', 1, false, Buffer.from('2')))).toEqual({
      kind: 'whole',
      payload: Buffer.from(`${'b'.repeat(16)}2`),
    });
    expect(uploads.size).toBe(0);
  });

  it('that are given up are forgotten after the lifetime of an exchange', () => {
    const clock = clockAt(0);
    const uploads = new Uploads({ maxBytes: 1_000, maxTotalBytes: 100_000 }, clock);
    uploads.take(part('a', 0));
    clock.ms = LIFETIME_MS - 1;
    expect(codeOf(uploads.take(part('a', 1)))).toBe(CODES.continue);
    clock.ms += LIFETIME_MS;
    expect(codeOf(uploads.take(part('a', 2)))).toBe(CODES.incomplete);
    expect(uploads.size).toBe(0);
  });

  it('beyond their limit together give way, the oldest first', () => {
    const uploads = new Uploads({ maxBytes: 1_000, maxTotalBytes: 2_000 }, clockAt(0));
    for (let i = 0; i < 100; i++) uploads.take(part(`r${i}`, 0));
    expect(uploads.size).toBeLessThanOrEqual(4);
    expect(codeOf(uploads.take(part('r0', 1)))).toBe(CODES.incomplete);
    expect(codeOf(uploads.take(part('r99', 1, false)))).toBe('whole');
  });

  it('with a number far beyond what has come take no memory for it', () => {
    const uploads = new Uploads({ maxBytes: 1_000, maxTotalBytes: 2_000 }, clockAt(0));
    expect(
      codeOf(uploads.take(request('a', { block1: block(0xfffff, false, 1_024), payload: Buffer.from('x') }))),
    ).toBe(CODES.incomplete);
  });

  it('begin anew with their first block', () => {
    const uploads = new Uploads({ maxBytes: 1_000, maxTotalBytes: 2_000 }, clockAt(0));
    uploads.take(part('a', 0));
    uploads.take(part('a', 1));
    uploads.take(part('a', 0, true, Buffer.alloc(16, 'n')));
    expect(uploads.take(part('a', 1, false, Buffer.from('!')))).toEqual({
      kind: 'whole',
      payload: Buffer.from(`${'n'.repeat(16)}!`),
    });
  });
});

describe('downloads', () => {
  const answer = (text: string) => ({ code: CODES.content, body: jsonBody(text) });
  const ask = (resource: string, number: number) =>
    request(resource, { code: CODES.get, block2: block(number, false) });

  it('keep what has more blocks, and nothing else', async () => {
    const downloads = new Downloads(10_000, clockAt(0));
    await downloads.reply(request('short'), answer('{}'));
    expect(downloads.size).toBe(0);
    await downloads.reply(ask('long', 0), answer('0123456789abcdef more'));
    const kept = downloads.find(ask('long', 1));
    expect(kept && (await downloads.reply(ask('long', 1), kept)).payload.toString()).toBe(' more');
    expect(downloads.find(ask('other', 1))).toBeUndefined();
    expect(downloads.find(ask('long', 0))).toBeUndefined();
  });

  it('are forgotten after the lifetime of an exchange, or beyond their limit the oldest first', async () => {
    const clock = clockAt(0);
    const downloads = new Downloads(5_000, clock);
    for (let i = 0; i < 100; i++) await downloads.reply(ask(`r${i}`, 0), answer('x'.repeat(1_000)));
    expect(downloads.size).toBeLessThanOrEqual(4);
    expect(downloads.find(ask('r0', 1))).toBeUndefined();
    expect(downloads.find(ask('r99', 1))).toBeDefined();
    clock.ms = LIFETIME_MS;
    expect(downloads.find(ask('r99', 1))).toBeUndefined();
  });

  it('of a body of exactly one block have one; the tag follows the content', async () => {
    const downloads = new Downloads(10_000, clockAt(0));
    const exact = await downloads.reply(request('exact'), {
      code: CODES.content,
      body: bytesBody(Buffer.alloc(1_024), FORMATS.bytes),
    });
    expect(exact.options.map(({ number }) => number)).toEqual([OPTIONS.contentFormat]);
    expect(jsonBody('{"a":1}').tag()).not.toEqual(jsonBody('{"a":2}').tag());
  });
});

describe('recent requests', () => {
  it('are known for the lifetime of an exchange, and give way beyond the limit', () => {
    const clock = clockAt(0);
    const recent = new RecentRequests(3_000, clock);
    const { peer } = request('a');
    const first = recent.add(peer, 1);
    recent.answered(first, Buffer.alloc(100));
    expect(recent.find(peer, 1)).toBe(first);
    expect(recent.find({ ...peer, key: 'another' }, 1)).toBeUndefined();
    clock.ms = LIFETIME_MS;
    expect(recent.find(peer, 1)).toBeUndefined();
    recent.add(peer, 2);
    expect(recent.size).toBe(1);
    for (let id = 0; id < 1_000; id++) recent.answered(recent.add(peer, id), Buffer.alloc(1_000));
    expect(recent.size).toBeLessThanOrEqual(3);
    recent.answered(first, Buffer.alloc(1_000_000)); // late, and forgotten
    recent.add(peer, 5_000);
    expect(recent.find(peer, 5_000)).toBeDefined();
  });
});
