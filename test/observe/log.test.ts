import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { Secret } from '../../src/model/secret.ts';
import { createLog, type LogLevel } from '../../src/observe/log.ts';

const PLANTED = 'planted-5ecr3t-value';

function logToLines(level: LogLevel = 'trace') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, destination: { write: (line) => lines.push(line) } }) };
}

describe('log', () => {
  it('writes one JSON object a line with level, time, facts and message', () => {
    const { log, lines } = logToLines();
    log.child({ part: 'mqtt' }).info({ event: 'ready', ports: { mqtt: 1883 } }, 'ready');
    expect(lines).toHaveLength(1);
    const entry = JSON.parse(lines[0] ?? '');
    expect(entry).toMatchObject({
      level: 'info',
      event: 'ready',
      part: 'mqtt',
      ports: { mqtt: 1883 },
      message: 'ready',
    });
    expect(Number.isNaN(Date.parse(entry.time))).toBe(false);
  });

  it('redacts secrets by name at any depth, in children and in causes', () => {
    const { log, lines } = logToLines();
    const cause = Object.assign(new Error('refused'), {
      token: PLANTED,
      request: { headers: { Authorization: PLANTED } },
    });
    const facts = {
      event: 'x',
      token: PLANTED,
      a: { b: { c: { d: { provisionDeviceSecret: PLANTED, Power_supplier_secret_key: PLANTED } } } },
      list: [{ password: PLANTED }, new Map([['secretKey', PLANTED]])],
      err: new BrokerError('INTERNAL', {}, { cause }),
    };
    log.child({ apiKey: PLANTED, inner: { access_token: PLANTED } }).error(facts, 'failed');
    expect(lines[0]).not.toContain(PLANTED);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ token: '[redacted]', apiKey: '[redacted]' });
    expect(lines[0]).toContain('refused');
  });

  it('an error is an object with its kind, message, places and cause, once each', () => {
    const { log, lines } = logToLines();
    const cause = Object.assign(new TypeError('no disk'), { code: 'ENOSPC' });
    log.error({ event: 'x', err: new BrokerError('INTERNAL', { device: 'd1' }, { cause }) }, 'failed');
    const { err } = JSON.parse(lines[0] ?? '');
    expect(err).toMatchObject({
      type: 'BrokerError',
      code: 'INTERNAL',
      cause: { type: 'TypeError', message: 'no disk' },
    });
    expect(err.message).toBe('INTERNAL: An unexpected fault. (device=d1)');
    expect(err.stack).toEqual(expect.arrayContaining([expect.stringMatching(/^at /)]));
  });

  it('redacts secrets by type wherever they stand', () => {
    const { log, lines } = logToLines();
    log.info({ event: 'x', harmless: new Secret(PLANTED), list: [new Secret(PLANTED)] }, 'm');
    expect(lines[0]).not.toContain(PLANTED);
  });

  it('redacts logins in addresses and input that JSON.parse quotes', () => {
    const { log, lines } = logToLines();
    let err: unknown;
    try {
      JSON.parse(`{"x": ${PLANTED}}`);
    } catch (caught) {
      err = caught;
    }
    expect(String(err)).toContain('planted');
    log.warn({ event: 'x', err, url: `redis://user:${PLANTED}@127.0.0.1:6379` }, 'm');
    expect(lines[0]).not.toContain(PLANTED.slice(0, 7));
    expect(lines[0]).toContain('127.0.0.1:6379');
  });

  it('keeps one line for values with line breaks, escapes and terminal controls', () => {
    const { log, lines } = logToLines();
    log.info({ event: 'x', name: 'a\r\n{"level":"fatal"}\u001b[31m\u009b31m\u2028' }, 'm');
    const line = lines[0] ?? '';
    expect(line.indexOf('\n')).toBe(line.length - 1);
    for (const raw of ['\u001b', '\u009b', '\u2028', '\r']) expect(line).not.toContain(raw);
    expect(JSON.parse(line).level).toBe('info');
  });

  it('survives cycles, huge texts, big lists, bigint, getters of odd objects', () => {
    const { log, lines } = logToLines();
    const cycle: Record<string, unknown> = { n: 1n, bytes: Buffer.from('abc'), fn: () => 1, none: undefined };
    cycle.self = cycle;
    log.info({ event: 'x', cycle, text: 'x'.repeat(1_000_000), list: Array.from({ length: 5_000 }, (_, i) => i) }, 'm');
    expect(lines[0]?.length).toBeLessThan(20_000);
    expect(JSON.parse(lines[0] ?? '').cycle).toMatchObject({ n: '1', bytes: '[3 bytes]', self: '[circular]' });
  });

  it('does not let a fact replace level, time or message', () => {
    const { log, lines } = logToLines();
    const facts = Object.fromEntries([
      ['level', 'fatal'],
      ['message', 'other'],
    ]);
    log.info(facts as never, 'real');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', message: 'real', 'fact.level': 'fatal' });
    expect(lines[0]?.match(/"level"/g)).toHaveLength(1);
  });

  it('writes nothing below its level', () => {
    const { log, lines } = logToLines('warn');
    log.info({ event: 'x' }, 'm');
    expect(log.enabled('info')).toBe(false);
    expect(lines).toEqual([]);
  });

  const built = new URL('../../dist/observe/log.js', import.meta.url);

  it.skipIf(!existsSync(built))('lives on when the reader of standard output is gone', async () => {
    const body = `import { createLog } from ${JSON.stringify(fileURLToPath(built))};
      const log = createLog({ level: 'info' });
      for (let i = 0; i < 50; i++) { log.info({ event: 'x' }, 'm'); await new Promise((r) => setTimeout(r, 5)); }
      await log.flush(); process.exit(7);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', body], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.once('data', () => child.stdout.destroy());
    expect((await once(child, 'exit'))[0]).toBe(7);
  });
});
