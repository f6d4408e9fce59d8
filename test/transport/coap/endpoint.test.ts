import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/model/clock.ts';
import { createLog } from '../../../src/observe/index.ts';
import { CODES, type CoapMessage } from '../../../src/transport/coap/codec.ts';
import { Endpoint, type Handler, type Reply } from '../../../src/transport/coap/endpoint.ts';
import type { Peer } from '../../../src/transport/coap/request.ts';
import { CoapPeer, said } from '../../helpers/coap-peer.ts';

const OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  piggybackMs: 60_000,
  maxRequests: 10,
  transmission: { ackTimeoutMs: 10, maxRetransmit: 4 },
};
const log = createLog({ level: 'silent' });
const reply = (text: string): Reply => ({ code: CODES.content, options: [], payload: Buffer.from(text) });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function start(handler: Handler, options: Partial<typeof OPTIONS> = {}) {
  const endpoint = new Endpoint({ ...OPTIONS, ...options }, handler, { clock: systemClock, log });
  const port = await endpoint.listen();
  open.push({ [Symbol.asyncDispose]: () => endpoint.close() });
  const peer = await CoapPeer.open(port);
  open.push(peer);
  return { endpoint, peer, port };
}

/** Answers when the test says so, and keeps what it was asked. */
function byHand() {
  const asked: { readonly message: CoapMessage; readonly peer: Peer; readonly answer: (reply?: Reply) => void }[] = [];
  const handler: Handler = (message, peer) =>
    new Promise((answer) => {
      asked.push({ message, peer, answer });
    });
  return { asked, handler };
}

describe('requests', () => {
  it('that are confirmable are answered with their acknowledgement, the others with a message of its own', async () => {
    const { peer } = await start(async () => reply('hello'));
    const id = await peer.ask({ path: '/a' });
    const piggybacked = await peer.next();
    expect([piggybacked.ack, piggybacked.messageId, ...said(piggybacked)]).toEqual([true, id, '2.05', 'hello']);
    await peer.ask({ path: '/a', confirmable: false });
    const separate = await peer.next();
    expect([separate.ack, separate.confirmable, separate.reset, ...said(separate)]).toEqual([
      false,
      false,
      false,
      '2.05',
      'hello',
    ]);
  });

  it('that come again run once, and get the same answer again', async () => {
    let runs = 0;
    const { peer, endpoint } = await start(async () => reply(`run ${++runs}`));
    for (const confirmable of [true, false]) {
      runs = 0;
      const token = Buffer.from('t');
      for (let i = 0; i < 3; i++) await peer.ask({ path: '/a', id: confirmable ? 7 : 8, confirmable, token });
      const answers = [await peer.nextBytes(), await peer.nextBytes(), await peer.nextBytes()];
      expect(new Set(answers.map((bytes) => bytes.toString('hex'))).size).toBe(1);
      expect(runs).toBe(1);
    }
    expect(endpoint.counts).toMatchObject({ requests: 2, repeated: 4 });
  });

  it('that come again while they run are not run again, and answered once', async () => {
    const { asked, handler } = byHand();
    const { peer } = await start(handler);
    for (let i = 0; i < 3; i++) await peer.ask({ path: '/a', id: 9 });
    await peer.ask({ path: '/b', id: 10 });
    await expect.poll(() => asked.length).toBe(2);
    asked[1]?.answer(reply('b'));
    expect(said(await peer.next())).toEqual(['2.05', 'b']);
    asked[0]?.answer(reply('a'));
    expect(said(await peer.next())).toEqual(['2.05', 'a']);
    expect([asked.length, peer.unread]).toEqual([2, 0]);
  });

  it('that are slow are acknowledged empty, and answered later until the peer has acknowledged that', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler, { piggybackMs: 5 });
    const token = Buffer.from('tok');
    const id = await peer.ask({ path: '/a', token });
    const ack = await peer.next();
    expect([ack.ack, ack.code, ack.messageId, ack.token.length]).toEqual([true, '0.00', id, 0]);
    await peer.ask({ path: '/a', token, id });
    expect((await peer.next()).ack).toBe(true);
    asked[0]?.answer(reply('late'));
    const first = await peer.nextBytes();
    const again = await peer.nextBytes();
    expect(again).toEqual(first);
    const late = await peer.next();
    expect([late.confirmable, late.token.toString(), ...said(late)]).toEqual([true, 'tok', '2.05', 'late']);
    await peer.acknowledge(late);
    expect(asked).toHaveLength(1);
    expect(endpoint.repeats).toBeGreaterThanOrEqual(1);
  });

  it('without an answer stay without one', async () => {
    const { peer } = await start(async ({ token }) => (token[0] === 1 ? undefined : reply('x')));
    await peer.ask({ path: '/a', token: Buffer.from([1]) });
    await peer.ask({ path: '/a', token: Buffer.from([2]) });
    expect((await peer.next()).token).toEqual(Buffer.from([2]));
    expect(peer.unread).toBe(0);
  });

  it('beyond the limit of those under way are refused with 5.03', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler, { maxRequests: 2 });
    await peer.ask({ path: '/1' });
    await peer.ask({ path: '/2' });
    await peer.ask({ path: '/3' });
    expect((await peer.next()).code).toBe('5.03');
    await peer.ask({ path: '/3', confirmable: false });
    expect((await peer.next()).code).toBe('5.03');
    for (const { answer } of asked) answer(reply('x'));
    await peer.next();
    await peer.next();
    await peer.ask({ path: '/4' });
    await expect.poll(() => asked.length).toBe(3);
    asked[2]?.answer(reply('room again'));
    expect(said(await peer.next())).toEqual(['2.05', 'room again']);
    expect(endpoint.counts.busy).toBe(2);
  });
});

describe('messages that are no requests', () => {
  it.each([
    ['a ping', '40000102'],
    ['an answer that nobody asked for', '404501020'.slice(0, 8)],
    ['a token of 9 bytes', `49010102${'00'.repeat(9)}`],
    ['a token that is cut off', '44010102aabb'],
    ['a reserved code', '40200102'],
    ['an option that is cut off', '40010102b5aa'],
    ['a reserved option head', '40010102f0'],
    ['a payload marker without payload', '40010102ff'],
    ['an empty message with a token', '4100010201'],
  ])('%s that wants an acknowledgement is reset, and else let be', async (_name, hex) => {
    const { peer } = await start(async () => reply('still here'));
    await peer.send(Buffer.from(hex, 'hex'));
    const answer = await peer.nextBytes();
    expect(answer.toString('hex')).toBe('70000102');
    const bytes = Buffer.from(hex, 'hex');
    bytes.writeUInt8(bytes.readUInt8(0) | 0x10, 0);
    await peer.send(bytes);
    expect(said(await peer.call({ path: '/' }))).toEqual(['2.05', 'still here']);
  });

  it.each([
    ['nothing', ''],
    ['a cut header', '400101'],
    ['another version', '80010102'],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex')],
    ['an acknowledgement of nothing', '60000102'],
    ['a reset of nothing', '70000102'],
  ])('%s gets no answer', async (_name, hex) => {
    const { peer } = await start(async () => reply('still here'));
    await peer.send(Buffer.from(hex, 'hex'));
    expect(said(await peer.call({ path: '/' }))).toEqual(['2.05', 'still here']);
    expect(peer.unread).toBe(0);
  });
});

describe('confirmable messages of ours', () => {
  const peerOf = async (handlerPeer: { peer: CoapPeer; asked: ReturnType<typeof byHand>['asked'] }) => {
    await handlerPeer.peer.ask({ path: '/hello' });
    await expect.poll(() => handlerPeer.asked.length).toBe(1);
    const known = handlerPeer.asked[0];
    if (!known) throw new Error('nobody came');
    known.answer(reply('hi'));
    await handlerPeer.peer.next();
    return known.peer;
  };

  it('are sent again until they are acknowledged', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler);
    const to = await peerOf({ peer, asked });
    const outcome = endpoint.confirm(to, Buffer.from('t'), reply('news'));
    const first = await peer.next();
    const second = await peer.next();
    expect([second.messageId, ...said(second)]).toEqual([first.messageId, '2.05', 'news']);
    await peer.acknowledge(first);
    expect(await outcome).toBe('acknowledged');
  });

  it('end with a reset, and with silence after four repeats', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler, { transmission: { ackTimeoutMs: 5, maxRetransmit: 4 } });
    const to = await peerOf({ peer, asked });
    const refused = endpoint.confirm(to, Buffer.from('t'), reply('news'));
    await peer.reset(await peer.next());
    expect(await refused).toBe('reset');
    const silent = endpoint.confirm(to, Buffer.from('u'), reply('more'));
    expect(await silent).toBe('timeout');
    for (let times = 0; times < 5; ) if ((await peer.next()).payload.toString() === 'more') times++;
    expect(peer.unread).toBe(0);
  });

  it('have ids of their own', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler);
    const to = await peerOf({ peer, asked });
    const ids = new Set<number>();
    for (let i = 0; i < 3; i++) {
      const outcome = endpoint.confirm(to, Buffer.from('t'), reply('news'));
      let message = await peer.next();
      while (ids.has(message.messageId)) message = await peer.next(); // a repeat that crossed the acknowledgement
      ids.add(message.messageId);
      await peer.acknowledge(message);
      await outcome;
    }
    expect(ids.size).toBe(3);
  });
});

describe('an endpoint', () => {
  it('answers what is under way before it closes, and takes nothing new', async () => {
    const { asked, handler } = byHand();
    const { peer, endpoint } = await start(handler);
    await peer.ask({ path: '/a' });
    await expect.poll(() => asked.length).toBe(1);
    const drained = endpoint.drain(10_000);
    await peer.ask({ path: '/b' });
    asked[0]?.answer(reply('in time'));
    await drained;
    await endpoint.close();
    expect(said(await peer.next())).toEqual(['2.05', 'in time']);
    expect(asked).toHaveLength(1);
  });

  it('whose port is taken says so', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((done) => holder.bind(0, '127.0.0.1', done));
    const endpoint = new Endpoint({ ...OPTIONS, port: holder.address().port }, async () => reply('x'), {
      clock: systemClock,
      log,
    });
    await expect(endpoint.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await endpoint.close();
    await new Promise<void>((done) => holder.close(done));
  });
});
