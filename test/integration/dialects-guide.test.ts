import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice, type DialectBroker, startDialects } from '../conformance/dialects/kit.ts';
import type { Broker } from '../helpers/broker.ts';
import { requireTool } from '../helpers/tools.ts';

const exec = promisify(execFile);
const CA = join(import.meta.dirname, '../fixtures/tls/cert.pem');
const PRODUCTS = { INVERTER_PRODUCT_SECRET: 'inverter-product-secret', LIGHT_PRODUCT_SECRET: 'light-product-secret' };

/** `sh` is typed, what has no language is what it prints, `json` is a profile. */
const blocks = [...readFileSync('docs/dialects.md', 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
  ([, language = '', text = '']) => ({ language, text }),
);
const profiles = blocks
  .filter(({ language }) => language === 'json')
  .map(({ text }) => {
    const { $schema: _, ...profile } = JSON.parse(text) as Record<string, unknown>;
    return profile;
  });

/** The block with these words, and what is printed for it. */
function typed(...words: readonly string[]): { readonly text: string; readonly printed: string | undefined } {
  const at = blocks.findIndex(({ language, text }) => language === 'sh' && words.every((word) => text.includes(word)));
  const next = blocks[at + 1];
  return { text: blocks[at]?.text ?? '', printed: next?.language === '' ? next.text : undefined };
}

describe('the guide to dialects, typed', () => {
  let dialects: DialectBroker;
  let broker: Broker;

  beforeAll(async () => {
    requireTool('mosquitto_pub');
    dialects = await startDialects(profiles, { env: PRODUCTS });
    broker = dialects.broker;
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  const type = async (text: string, variables: Readonly<Record<string, string>> = {}): Promise<string> => {
    const script = text
      .replaceAll('npx gridmoor', 'node dist/main.js')
      .replaceAll('-h 127.0.0.1', `-h 127.0.0.1 -p ${broker.ports.mqtt}`)
      .replaceAll('-p 8883', `-p ${broker.ports.mqtts}`)
      .replaceAll('--cafile ca.pem', `--cafile ${CA}`);
    const place = { GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey };
    const env = { PATH: process.env.PATH, ...place, ...PRODUCTS, ...variables };
    return (await exec('bash', ['-euo', 'pipefail', '-c', script], { env })).stdout;
  };

  it.each([
    ['inverter', 'measurepoint/post'],
    ['light', 'property/post'],
  ])('a device of the product %s is registered and publishes', async (profile, topic) => {
    const made = await type(typed('device create', profile).text);
    const [, DEVICE_SECRET = ''] = /deviceSecret:? +(\S+)/.exec(made) ?? [];
    const { text, printed } = typed('mosquitto_rr', topic);
    expect(await type(text, { DEVICE_SECRET })).toBe(printed);
  });

  it.each([
    ['inverter', 'inv-0002', 'activate/info'],
    ['light', 'light-0002', '/ext/register'],
  ])('a registered device of the product %s fetches its secret', async (profile, name, topic) => {
    await addDevice(broker, profile, name);
    const answer = JSON.parse(await type(typed('mosquitto_sub', topic).text));
    expect((answer.params ?? answer).deviceSecret).toMatch(/^[0-9a-f]{32}$/);
  });
});
