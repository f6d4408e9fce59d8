import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, newDevice } from '../helpers/system.ts';
import { requireTool } from '../helpers/tools.ts';

const exec = promisify(execFile);

/** Code blocks of the README's walk through the main job, in order: `sh` is typed, the others are what it prints. */
const readme = readFileSync('README.md', 'utf8');
const walk = readme.split(/^## /m).find((section) => section.startsWith('Five minutes'));
const blocks = [...(walk ?? '').matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const typed = (word: string): string =>
  blocks.find(({ language, text }) => language === 'sh' && text.includes(word))?.text ?? '';
const printed = (word: string): string =>
  blocks.find(({ language, text }) => language === '' && text.includes(word))?.text ?? '';

/** Types a block as it stands, only against this broker's ports. */
async function type(broker: Broker, text: string, variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const script = text
    .replaceAll('npx gridmoor', 'node dist/main.js')
    .replaceAll('-h 127.0.0.1', `-h 127.0.0.1 -p ${broker.ports.mqtt}`);
  const env = { PATH: process.env.PATH, GRIDMOOR_URL: broker.url, GRIDMOOR_DATA_DIR: broker.dataDir, ...variables };
  const { stdout } = await exec('bash', ['-euo', 'pipefail', '-c', script], { env });
  return stdout;
}

describe('the README, typed', () => {
  it('leads from the first start to an attached device that survives kill -9', async () => {
    requireTool('mosquitto_pub');
    // Neither key nor secret is given: the first start makes them, as on a new user's machine.
    const env = { GRIDMOOR_ADMIN_KEY: undefined, PROVISION_SECRET_SMART_METER: undefined };
    await using broker = await startBroker({ env });
    const SECRET = /gmp_\S+/.exec(broker.stderr.join('\n'))?.[0] ?? '';
    expect(SECRET).not.toBe('');

    const supplier = await type(broker, typed('supplier create'));
    expect(supplier).toMatch(/^id: {8}\S+\nname: {6}Sol Energia\nsecretKey: gms_\S+\n$/);
    const SUPPLIER_KEY = /gms_\S+/.exec(supplier)?.[0] ?? '';

    const answer = JSON.parse(await type(broker, typed('-t /provision '), { SECRET }));
    expect(Object.keys(answer)).toEqual(Object.keys(JSON.parse(printed('credentialsValue'))));
    expect(answer).toMatchObject({ credentialsType: 'ACCESS_TOKEN', status: 'SUCCESS' });
    const device = { TOKEN: answer.credentialsValue as string, SUPPLIER_KEY };

    expect(await type(broker, typed('mosquitto_pub'), device)).toBe('');
    expect(await type(broker, typed('-e v1/devices/me/attributes'), device)).toBe(printed('"onboarding"'));

    const shown = await type(broker, typed('device show'), device);
    const [row = ''] = printed('DEVICE ').split('\n').slice(1);
    expect(shown).toContain(row.split(/ {2,}/).slice(0, 4).join('\t'));
    expect(shown).toMatch(/^latest power_w: +431\.5 at /m);

    await broker.restart('SIGKILL');
    expect(await type(broker, 'npx gridmoor attachment list')).toBe(`${shown.split('\n')[0]}\n`);
  });

  it('drives a fleet with the example of simulate', async () => {
    await using broker = await startBroker();
    const { secretKey } = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Sol Energia' },
    });
    const [, example = ''] = /^```sh\n(.*gridmoor simulate.*)\n```$/m.exec(readme) ?? [];
    const short = example.replace('--duration 10', `--duration 2 -p ${broker.ports.mqtt}`);
    expect(short).not.toBe(example);
    await type(broker, short, { SECRET: broker.provisionSecret, SUPPLIER_KEY: secretKey });
    const attached = await api<{ totalElements: number }>(broker, '/api/gridmoor/attachments');
    expect(attached.totalElements).toBe(20);
  });

  it('names only paths and topics of the device API that exist', async () => {
    await using broker = await startBroker();
    const token = await newDevice(broker, 'reader');
    const table = readme.split(/^## /m).find((section) => section.startsWith('For the device developer')) ?? '';
    const paths = [...table.matchAll(/`(GET|POST) (\/api\/v1\/\$TOKEN\S*)`/g)];
    expect(paths.length).toBeGreaterThan(7);
    for (const [, method = '', path = ''] of paths) {
      // Even bodies and queries that are refused tell a path from none.
      const url = `${broker.url}${path.replace('$TOKEN', token)}?timeout=1`;
      const response = await fetch(url, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
      if (path.endsWith('/firmware')) continue; // none is assigned: 404 as well
      expect(`${path} ${response.status}`).not.toBe(`${path} 404`);
    }
    const topics = [...table.matchAll(/publish to `([^`]+)`/g)];
    expect(topics.length).toBeGreaterThan(5);
    for (const [, topic = ''] of topics) {
      await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token, version: 5 });
      // An unknown topic is always acknowledged, with 0x90; known ones may end the connection for what is in the message.
      const code = await client.publish(topic, '{}').catch(() => client.ended());
      expect(`${topic} ${code}`).not.toBe(`${topic} 144`);
    }
  });
});
