import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { type Bus, newRunId } from '../../../../src/cluster/bus.ts';
import { LocalHub } from '../../../../src/cluster/local.ts';
import { ClusterEmitter } from '../../../../src/transport/mqtt/app/cluster-emitter.ts';
import { nodeTest } from '../../../helpers/node-test.ts';

const abstractEmitter = createRequire(import.meta.url)('mqemitter/abstractTest.js') as (options: object) => void;

const onError = (error: unknown): void => {
  throw error;
};

/** Emitters of so many brokers. */
function brokers(count: number, matching: object = {}): ClusterEmitter[] {
  const hub = new LocalHub();
  return Array.from(
    { length: count },
    (_none, n) => new ClusterEmitter({ bus: hub.join(newRunId('b', n, 'test')), onError, matching }),
  );
}

describe('emitter alone: the suite of mqemitter', () => {
  abstractEmitter({
    test: nodeTest,
    builder: (matching: object) => new ClusterEmitter({ bus: undefined, onError, matching }),
  });
});

describe('emitter of two brokers: the suite of mqemitter', () => {
  abstractEmitter({ test: nodeTest, builder: (matching: object) => brokers(2, matching)[0] });
});

describe('emitters of brokers', () => {
  it('hear from each other what is for app clients, in order, with its bytes, once', async () => {
    const [a, b, c] = brokers(3);
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      for (const [name, emitter] of Object.entries({ a, b, c })) {
        emitter?.on('app/#', (message, done) => {
          heard.push(`${name} ${String(message.payload)} ${Buffer.isBuffer(message.payload)}`);
          done();
          if (heard.length === 9) resolve();
        });
      }
    });
    for (const n of [1, 2, 3]) a?.emit({ topic: 'app/x', payload: Buffer.from(`${n}`) });
    await all;
    for (const name of ['a', 'b', 'c'])
      expect(heard.filter((one) => one.startsWith(name))).toEqual([1, 2, 3].map((n) => `${name} ${n} true`));
  });

  it('do not hear what aedes tells itself, nor what is no packet', async () => {
    const hub = new LocalHub();
    const bus = hub.join(newRunId('a', 1, 'test'));
    const errors: unknown[] = [];
    const other = new ClusterEmitter({
      bus: hub.join(newRunId('b', 2, 'test')),
      onError: (error) => errors.push(error),
    });
    const heard: string[] = [];
    for (const topic of ['$SYS/#', 'app/#', '#']) {
      other.on(topic, (message, done) => {
        heard.push(message.topic);
        done();
      });
    }
    const first = new ClusterEmitter({ bus, onError });
    first.emit({ topic: '$SYS/b/new/clients', payload: 'x' });
    await bus.publish('all', { type: 'app-packet', packet: 'bm90IGEgcGFja2V0' });
    await bus.publish('all', { type: 'app-packet', packet: '' });
    const last = new Promise<void>((resolve) =>
      other.on('app/last', (_message, done) => {
        resolve();
        done();
      }),
    );
    first.emit({ topic: 'app/last' });
    await last;
    expect(heard.filter((topic) => topic !== 'app/last')).toEqual([]);
    expect(errors).toHaveLength(2);
  });

  it('a broker that has closed hears nothing, and others still hear what it has to say', async () => {
    const [a, b] = brokers(2);
    const heard = new Promise<string>((resolve) =>
      b?.on('app/x', ({ payload }, done) => {
        resolve(String(payload));
        done();
      }),
    );
    await new Promise<void>((resolve) => a?.close(resolve));
    a?.emit({ topic: 'app/x', payload: 'late' }, () => {});
    expect(await heard).toBe('late');
  });

  it('those that could not be told are told to look, as soon as that is possible', async () => {
    const hub = new LocalHub();
    const bus = hub.join(newRunId('a', 1, 'test'));
    const errors: unknown[] = [];
    const heard: string[] = [];
    const other = hub.join(newRunId('b', 2, 'test'));
    const looks = new Promise<void>((resolve) => {
      other.subscribe(({ type }) => {
        heard.push(type);
        if (type === 'app-look') resolve();
      });
    });
    let away = 2;
    const troubled: Bus = {
      ...{ self: bus.self, subscribe: bus.subscribe.bind(bus), onGap: bus.onGap.bind(bus), close: bus.close.bind(bus) },
      publish: (...message) => (away-- > 0 ? Promise.reject(new Error('away')) : bus.publish(...message)),
    };
    const emitter = new ClusterEmitter({ bus: troubled, onError: (error) => errors.push(error), lookMs: 10 });
    emitter.emit({ topic: 'app/x', payload: 'lost' });
    await looks;
    expect(heard).toEqual(['app-look']);
    expect(errors).toHaveLength(1);
    emitter.close(() => {});
  });
});
