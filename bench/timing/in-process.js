import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyOf, interleave, prefixClasses, randomText } from './guesses.js';
import { compare } from './welch.js';

const DEVICES = 1000;
const dist = (/** @type {string} */ path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/**
 * The checks themselves, without sockets, on a store with devices in it. Needs `npm run build`.
 * @param {number} samples
 * @param {(line: string) => void} progress
 */
export async function measureInProcess(samples, progress) {
  const directory = mkdtempSync(join(tmpdir(), 'gridmoor-timing-'));
  const { openEmbeddedStorage } = await dist('storage/embedded/index.js');
  const storage = await openEmbeddedStorage({ dataDir: directory });
  try {
    const groups = [];
    for (const { name, classes, check } of await checks(storage)) {
      progress(`in process: ${name}`);
      const time = async (/** @type {any} */ guess) => {
        const start = process.hrtime.bigint();
        const found = await check(guess);
        const ns = Number(process.hrtime.bigint() - start);
        if (found) throw new Error(`${name}: a wrong secret was taken for a right one.`);
        return ns;
      };
      groups.push({ where: 'in process', name, classes: compare(await interleave(classes, samples, time)) });
    }
    return groups;
  } finally {
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {any} storage */
async function checks(storage) {
  const { createKeyedHash } = await dist('model/keyed-hash.js');
  const { systemClock: clock } = await dist('model/clock.js');
  const { Secret } = await dist('model/secret.js');
  const { createRegistry } = await dist('registry/registry.js');
  const { createSuppliers } = await dist('registry/suppliers.js');
  const { createApiKeys } = await dist('registry/api-keys.js');
  const { createProvisionTargets } = await dist('provisioning/targets.js');
  const hash = createKeyedHash(randomBytes(32));
  const { audit } = storage;
  const registry = createRegistry({ store: storage.registry, audit, hash, clock });
  const suppliers = createSuppliers({ store: storage.suppliers, audit, hash, clock });
  const apiKeys = createApiKeys({ store: storage.apiKeys, audit, hash, clock, adminKey: new Secret(randomText(32)) });
  const numbers = Array.from({ length: DEVICES }, (_, i) => i);
  const by = 'bench';
  const tokens = numbers.map(() => randomText(20));
  const users = numbers.map(() => ({ userName: randomText(20), password: randomText(20) }));
  const create = (/** @type {string} */ name, /** @type {object} */ credentials) =>
    registry.create({ name, profile: 'bench', credentials, by });
  await Promise.all([
    ...tokens.map((token, i) => create(`token-${i}`, { type: 'ACCESS_TOKEN', token })),
    ...users.map((user, i) => create(`basic-${i}`, { type: 'MQTT_BASIC', ...user })),
  ]);
  const revealed = async (/** @type {Promise<any>} */ made) => (await made).secretKey.reveal();
  const some = numbers.slice(0, 20);
  const supplierKeys = await Promise.all(some.map((i) => revealed(suppliers.create(`supplier-${i}`, by))));
  const keys = await Promise.all(some.map((i) => revealed(apiKeys.create({ name: `key-${i}`, role: 'operator', by }))));
  const provision = { key: randomText(20), secret: randomText(32) };
  const target = { profile: 'bench', strategy: 'allow-create-new-devices' };
  const secretHash = hash.hash('provision-secret', provision.secret);
  const targets = createProvisionTargets(new Map([[provision.key, { ...target, secretHash }]]), hash);
  const login = async (/** @type {{ userName: string, password: string }} */ names) =>
    (await registry.login({ clientId: 'bench', ...names })).kind === 'device';
  const match = (/** @type {{ key: string, secret: string }} */ given) =>
    targets.match(given.key, new Secret(given.secret)) !== undefined;
  const ofUser = (/** @type {readonly { name: string, guess: () => string }[]} */ classes, userName = '') =>
    classes.map(({ name, guess }) => ({ name, guess: () => ({ userName, password: guess() }) }));
  const one = anyOf(users);
  return [
    {
      name: 'access token',
      classes: prefixClasses(() => anyOf(tokens)).map(({ name, guess }) => ({
        name,
        guess: () => ({ userName: guess(), password: '' }),
      })),
      check: login,
    },
    {
      name: 'password of MQTT_BASIC',
      classes: ofUser(
        prefixClasses(() => one.password),
        one.userName,
      ),
      check: login,
    },
    {
      name: 'user name of MQTT_BASIC',
      classes: [
        { name: 'wrong password', guess: () => ({ userName: anyOf(users).userName, password: randomText(20) }) },
        { name: 'unknown name', guess: () => ({ userName: randomText(20), password: randomText(20) }) },
      ],
      check: login,
    },
    {
      name: 'provision secret',
      classes: [
        ...prefixClasses(() => provision.secret).map(({ name, guess }) => ({
          name,
          guess: () => ({ key: provision.key, secret: guess() }),
        })),
        { name: 'unknown key', guess: () => ({ key: randomText(20), secret: randomText(32) }) },
      ],
      check: match,
    },
    {
      name: 'supplier key',
      classes: prefixClasses(() => anyOf(supplierKeys), 'gms_'.length),
      check: async (/** @type {string} */ key) => (await suppliers.findByKey(new Secret(key))) !== undefined,
    },
    {
      name: 'API key',
      classes: prefixClasses(() => anyOf(keys), 'gma_'.length),
      check: async (/** @type {string} */ key) => (await apiKeys.authenticate(new Secret(key))) !== undefined,
    },
  ];
}
