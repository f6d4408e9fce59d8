import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { requireTool } from '../helpers/tools.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

describe('first start', () => {
  it('prints lines that onboard a first meter as they are pasted; the next start prints no secret', async () => {
    requireTool('mosquitto_pub');
    await using broker = await startBroker({ env: { PROVISION_SECRET_SMART_METER: undefined } });
    const lines = broker.stderr.filter((line) => /^ {4}(mosquitto_pub|SUPPLIER_KEY=|GRIDMOOR_URL=|npx )/.test(line));
    expect(lines).toHaveLength(5);
    const env = {
      ...process.env,
      GRIDMOOR_URL: broker.url,
      GRIDMOOR_ADMIN_KEY: broker.adminKey,
      GRIDMOOR_DATA_DIR: broker.dataDir,
    };
    const { stdout } = await run('bash', ['-e', '-c', lines.join('\n')], { cwd: root, env });
    expect(stdout).toMatch(/meter-1.*Sol Energia.*ES1234000000012345KM/s);
    const printed = broker.stderr.length;
    await broker.restart('SIGKILL');
    expect(broker.stderr.slice(printed)).toEqual([]);
  });

  it('is announced by the ready line at every log level', async () => {
    await using broker = await startBroker({ env: { LOG_LEVEL: 'silent' } });
    expect(broker.logs().map(({ event }) => event)).toEqual(['ready']);
  });
});
