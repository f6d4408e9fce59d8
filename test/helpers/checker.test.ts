import { describe, expect, it } from 'vitest';
import { check, type Evidence, expectNothingFound, type Invariant } from './checker.ts';
import { type JournalLine, parseJournal, type Trace, traceOf } from './journal.ts';
import type { StoreView } from './store-view.ts';

const T = 1_700_000_000_000;
const STEM_A = 'ES9999000000000001AA';
const STEM_B = 'ES9999000000000002BB';

type Fact = JournalLine extends infer L ? (L extends JournalLine ? Omit<L, 't'> : never) : never;

function journal(...facts: readonly Fact[]): readonly JournalLine[] {
  return facts.map((fact, at) => ({ ...fact, t: T + at }) as JournalLine);
}

const telemetry = (seq: number, owner: string): string =>
  `{"ts":${T + seq},"values":{"seq":${seq},"owner":"${owner}"}}`;

/** Two devices that were onboarded and sent what a device sends. */
const good: readonly Fact[] = [
  { e: 'device', device: 'a', owner: 'mark-a', stem: STEM_A },
  { e: 'device', device: 'b', owner: 'mark-b', stem: STEM_B },
  { e: 'open', conn: 'p1', role: 'provision', device: 'a', version: 4 },
  { e: 'open', conn: 'p2', role: 'provision', device: 'b', version: 4 },
  { e: 'provision', conn: 'p1', name: 'a', token: 'ta' },
  { e: 'provision', conn: 'p2', name: 'b', token: 'tb' },
  { e: 'received', conn: 'p1', topic: '/provision/response', payload: answer('ta') },
  { e: 'received', conn: 'p2', topic: '/provision/response', payload: answer('tb') },
  { e: 'open', conn: 'd1', role: 'device', device: 'a', version: 4 },
  { e: 'open', conn: 'd2', role: 'device', device: 'b', version: 4 },
  { e: 'connack', conn: 'd1', code: 0 },
  ...published('d1', 1, 'attach', 1, '{}'),
  { e: 'received', conn: 'd1', topic: 'v1/devices/me/attributes', payload: '{"onboarding":{"status":"attached"}}' },
  ...published('d1', 2, 'attributes', 2, '{"mark":2}'),
  ...published('d1', 3, 'telemetry', 3, telemetry(3, 'mark-a')),
  ...published('d2', 1, 'telemetry', 1, telemetry(1, 'mark-b')),
];

function answer(token: string): string {
  return `{"credentialsValue":"${token}","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`;
}

const FAILURE = '{"errorMsg":"Failed to provision device!","status":"FAILURE"}';

function published(
  conn: string,
  mid: number,
  kind: 'telemetry' | 'attach' | 'attributes',
  seq: number,
  payload: string,
): readonly Fact[] {
  return [
    { e: 'publish', conn, mid, kind, topic: 't', payload, seq },
    { e: 'ack', conn, mid, code: 0 },
  ];
}

function goodStore(): StoreView {
  const values = (seq: number, owner: string): ReadonlyMap<string, string> =>
    new Map([
      ['seq', String(seq)],
      ['owner', `"${owner}"`],
    ]);
  return {
    devices: [
      { id: '1', name: 'a' },
      { id: '2', name: 'b' },
    ],
    deviceCount: 2,
    devicesWithCredentials: new Set(['a', 'b']),
    tokenOwners: new Map([
      ['ta', '1'],
      ['tb', '2'],
    ]),
    telemetry: new Map([
      ['a', new Map([[T + 3, values(3, 'mark-a')]])],
      ['b', new Map([[T + 1, values(1, 'mark-b')]])],
    ]),
    attributes: new Map([
      [
        'a',
        new Map([
          ['mark', '2'],
          ['owner', '"mark-a"'],
        ]),
      ],
    ]),
    attachments: [{ device: 'a', stem: STEM_A, missing: [] }],
    history: new Map([['a', [{ event: 'attached', stem: STEM_A }]]]),
    strayRelations: [],
    audit: [{ action: 'device.create', subject: 'device:1', outcome: 'created' }],
  };
}

/** The good store with one more reading of device a. */
function withReading(ts: number, key: string, value: string): StoreView {
  const { telemetry: series } = goodStore();
  const readings = new Map(series.get('a'));
  return store({ telemetry: new Map(series).set('a', readings.set(ts, new Map([[key, value]]))) });
}

const trace = (...more: readonly Fact[]): Trace => traceOf(journal(...good, ...more));

function invariantsOf(evidence: Partial<Evidence>): readonly Invariant[] {
  const findings = check({ trace: trace(), store: goodStore(), ...evidence });
  return [...new Set(findings.map(({ invariant }) => invariant))];
}

/** The same store, with one part replaced. */
const store = (part: Partial<StoreView>): StoreView => ({ ...goodStore(), ...part });

describe('checker', () => {
  it('finds nothing in a run that kept every promise', () => {
    const evidence: Evidence = {
      trace: trace(),
      store: goodStore(),
      exits: [
        { code: null, signal: 'SIGKILL', sent: 'SIGKILL' },
        { code: 0, signal: null, sent: 'SIGTERM' },
      ],
      output: ['{"event":"ready"}'],
      secretHits: [],
      counts: { received: 5, outcomes: 5, inFlight: 0 },
    };
    expectNothingFound(check(evidence));
  });

  it('a torn last line of a journal is left out', () => {
    const whole = JSON.stringify({ e: 'gave-up', device: 'a', why: 'x', t: T });
    expect(parseJournal(Buffer.from(`${whole}\n{"e":"pub`))).toHaveLength(1);
  });

  it('a message that was sent but not acknowledged may be stored or not', () => {
    const unacked: Fact = {
      e: 'publish',
      conn: 'd1',
      mid: 9,
      kind: 'telemetry',
      topic: 't',
      payload: telemetry(9, 'mark-a'),
      seq: 9,
    };
    expect(invariantsOf({ trace: trace(unacked) })).toEqual([]);
    expect(invariantsOf({ trace: trace(unacked), store: withReading(T + 9, 'seq', '9') })).toEqual([]);
  });

  describe('I1', () => {
    it('an acknowledged reading is missing', () => {
      const view = store({ telemetry: new Map(goodStore().telemetry).set('a', new Map()) });
      expect(invariantsOf({ store: view })).toEqual(['I1']);
    });

    it('a number lost its exact text', () => {
      const exact = published('d1', 4, 'telemetry', 4, `{"ts":${T + 4},"values":{"n":42.0}}`);
      const view = withReading(T + 4, 'n', '42');
      expect(invariantsOf({ trace: trace(...exact), store: view })).toEqual(['I1']);
    });

    it('a reading is stored that nobody sent', () => {
      const view = withReading(T + 77, 'seq', '77');
      expect(invariantsOf({ store: view })).toEqual(['I1']);
    });

    it('acknowledged attributes are missing', () => {
      expect(invariantsOf({ store: store({ attributes: new Map() }) })).toEqual(['I1']);
    });
  });

  describe('I2', () => {
    it('one credential was given to two devices', () => {
      const view = store({ tokenOwners: new Map([['ta', '1']]) });
      const twice: readonly Fact[] = [
        { e: 'open', conn: 'p3', role: 'provision', device: 'b', version: 4 },
        { e: 'provision', conn: 'p3', name: 'b', token: 'ta' },
        { e: 'received', conn: 'p3', topic: '/provision/response', payload: answer('ta') },
      ];
      const without = good.filter((fact) => !('conn' in fact) || fact.conn !== 'p2');
      expect(invariantsOf({ trace: traceOf(journal(...without, ...twice)), store: view })).toContain('I2');
    });

    it('a credential opens another device', () => {
      const view = store({
        tokenOwners: new Map([
          ['ta', '2'],
          ['tb', '2'],
        ]),
      });
      expect(invariantsOf({ store: view })).toEqual(['I2']);
    });
  });

  describe('I3', () => {
    it('a name was created twice', () => {
      const again: readonly Fact[] = [
        { e: 'open', conn: 'p4', role: 'provision', device: 'a', version: 4 },
        { e: 'provision', conn: 'p4', name: 'a', token: 'ta2' },
        { e: 'received', conn: 'p4', topic: '/provision/response', payload: answer('ta2') },
      ];
      const view = store({ tokenOwners: new Map([...goodStore().tokenOwners, ['ta2', '1']]) });
      expect(invariantsOf({ trace: trace(...again), store: view })).toContain('I3');
    });

    it('an acknowledged device is not stored', () => {
      const view = store({ devices: goodStore().devices.slice(0, 1), deviceCount: 1 });
      expect(invariantsOf({ store: view })).toEqual(['I3']);
    });

    it('a device is stored although its only request was refused', () => {
      const refused: readonly Fact[] = [
        { e: 'open', conn: 'p5', role: 'provision', device: 'c', version: 4 },
        { e: 'provision', conn: 'p5', name: 'c', token: 'ta' },
        { e: 'received', conn: 'p5', topic: '/provision/response', payload: FAILURE },
      ];
      expect(invariantsOf({ trace: trace(...refused) })).toEqual([]);
      const view = store({
        devices: [...goodStore().devices, { id: '3', name: 'c' }],
        deviceCount: 3,
        devicesWithCredentials: new Set(['a', 'b', 'c']),
      });
      expect(invariantsOf({ trace: trace(...refused), store: view })).toEqual(['I3']);
    });

    it('a request was refused for no reason', () => {
      const refused: readonly Fact[] = [
        { e: 'open', conn: 'p6', role: 'provision', device: 'd', version: 4 },
        { e: 'provision', conn: 'p6', name: 'd', token: 'td' },
        { e: 'received', conn: 'p6', topic: '/provision/response', payload: FAILURE },
      ];
      expect(invariantsOf({ trace: trace(...refused) })).toEqual(['I3']);
    });

    it('a stored device has no credentials', () => {
      expect(invariantsOf({ store: store({ devicesWithCredentials: new Set(['a']) }) })).toEqual(['I3']);
    });

    it('a device could not be onboarded at all', () => {
      expect(invariantsOf({ trace: trace({ e: 'gave-up', device: 'a', why: 'no token opens a session' }) })).toEqual([
        'I3',
      ]);
    });

    it('the audit tells of a device that is not stored', () => {
      const audit = [{ action: 'device.create', subject: 'device:9', outcome: 'created' }];
      expect(invariantsOf({ store: store({ audit }) })).toEqual(['I3']);
    });
  });

  describe('I4', () => {
    it('two devices hold one supply point', () => {
      const attachments = [...goodStore().attachments, { device: 'b', stem: STEM_A, missing: [] }];
      const history = new Map([...goodStore().history, ['b', [{ event: 'attached', stem: STEM_A }]]]);
      expect(invariantsOf({ store: store({ attachments, history }) })).toEqual(['I4']);
    });

    it('half an attachment is seen', () => {
      const attachments = [{ device: 'a', stem: STEM_A, missing: ['the relation Feeds'] }];
      expect(invariantsOf({ store: store({ attachments }) })).toEqual(['I4']);
      expect(invariantsOf({ store: store({ strayRelations: ['Feeds of b'] }) })).toEqual(['I4']);
    });

    it('the history is incomplete', () => {
      expect(invariantsOf({ store: store({ history: new Map([['a', []]]) }) })).toEqual(['I4']);
      const twice = { event: 'attached', stem: STEM_A };
      expect(invariantsOf({ store: store({ history: new Map([['a', [twice, twice]]]) }) })).toEqual(['I4']);
    });

    it('an acknowledged attachment is gone', () => {
      const view = store({ attachments: [], history: new Map() });
      expect(invariantsOf({ store: view })).toEqual(['I4']);
    });
  });

  it('I5: a session received a mark of another device', () => {
    const foreign: Fact = { e: 'received', conn: 'd2', topic: 'x', payload: '{"client":{"owner":"mark-a"}}' };
    expect(invariantsOf({ trace: trace(foreign) })).toEqual(['I5']);
    const point: Fact = { e: 'received', conn: 'd2', topic: 'x', payload: `{"supplyPoint":"${STEM_A}"}` };
    expect(invariantsOf({ trace: trace(point) })).toEqual(['I5']);
  });

  it('I5: readings or attributes of another device stand in the store', () => {
    const readings = new Map([[T + 3, new Map([['owner', '"mark-a"']])]]);
    const view = store({ telemetry: new Map([...goodStore().telemetry, ['b', readings]]) });
    expect(invariantsOf({ store: view })).toContain('I5');
    const attributes = new Map([...goodStore().attributes, ['b', new Map([['owner', '"mark-a"']])]]);
    expect(invariantsOf({ store: store({ attributes }) })).toEqual(['I5']);
  });

  it('I6: a provisioning answer reached a socket that did not ask', () => {
    const listener: readonly Fact[] = [
      { e: 'open', conn: 'l1', role: 'listen', device: 'listener', version: 4 },
      { e: 'received', conn: 'l1', topic: '/provision/response', payload: answer('ta') },
    ];
    expect(invariantsOf({ trace: trace(...listener) })).toEqual(['I6']);
    const second: Fact = { e: 'received', conn: 'p1', topic: '/provision/response', payload: answer('tb') };
    expect(invariantsOf({ trace: trace(second) })).toEqual(['I6']);
  });

  it('I8: a secret was found', () => {
    expect(invariantsOf({ secretHits: [{ where: 'store/data.mdb', what: 'a token' }] })).toEqual(['I8']);
  });

  it('I9: messages of one connection were finished out of order', () => {
    const swapped: readonly Fact[] = [
      { e: 'publish', conn: 'd1', mid: 5, kind: 'telemetry', topic: 't', payload: telemetry(5, 'mark-a'), seq: 5 },
      { e: 'publish', conn: 'd1', mid: 6, kind: 'telemetry', topic: 't', payload: telemetry(6, 'mark-a'), seq: 6 },
      { e: 'ack', conn: 'd1', mid: 6, code: 0 },
      { e: 'ack', conn: 'd1', mid: 5, code: 0 },
    ];
    const findings = check({ trace: trace(...swapped) });
    expect(findings.map(({ invariant }) => invariant)).toEqual(['I9']);
  });

  it('I9: an older attribute overwrote a newer one', () => {
    const attributes = new Map([['a', new Map([['mark', '1']])]]);
    expect(invariantsOf({ store: store({ attributes }) })).toEqual(['I9']);
  });

  it('I11: counters do not add up', () => {
    expect(invariantsOf({ counts: { received: 5, outcomes: 4, inFlight: 0 } })).toEqual(['I11']);
    expect(invariantsOf({ counts: { received: 5, outcomes: 4, inFlight: 1 } })).toEqual(['I11']);
  });

  it('I11: a message that was accepted before a stop is lost in it', () => {
    const lost = '{"event":"msg.not-stored","msg":"1"}';
    expect(invariantsOf({ output: ['{"event":"stopping"}', lost] })).toEqual(['I11']);
    expect(invariantsOf({ output: ['{"event":"stopping"}', '{"event":"ready"}', lost] })).toEqual([]);
  });

  it('I13: a process ended by itself, or told of an exception nobody caught', () => {
    expect(invariantsOf({ exits: [{ code: 1, signal: null, sent: undefined }] })).toEqual(['I13']);
    expect(invariantsOf({ exits: [{ code: 1, signal: null, sent: 'SIGTERM' }] })).toEqual(['I13']);
    expect(invariantsOf({ exits: [{ code: null, signal: 'SIGSEGV', sent: 'SIGKILL' }] })).toEqual(['I13']);
    expect(invariantsOf({ output: ['{"event":"uncaughtException"}'] })).toEqual(['I13']);
  });
});
