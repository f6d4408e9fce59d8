import { apiPath, createClient, urlFlag } from './client.ts';
import { defineCommand, type Flag } from './command.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { daysFlag, graceFlag, graceSeconds, secondsOfDays } from './lifetime.ts';
import { readSecretFile } from './secret-input.ts';
import { printOnce } from './secret-output.ts';
import { formatTime, printJson, printTable, valueText } from './table.ts';

export interface CreatedDevice {
  readonly id: string;
  readonly name: string;
  readonly profile: string;
  readonly credentials: Readonly<Record<string, unknown>>;
}

const credentialFlags = {
  'token-file': {
    type: 'string',
    value: '<path>',
    summary: 'file with its access token, - for stdin; else one is made',
  },
  'client-id': { type: 'string', value: '<id>', summary: 'MQTT_BASIC: client id' },
  'user-name': { type: 'string', value: '<name>', summary: 'MQTT_BASIC: user name' },
  'password-file': { type: 'string', value: '<path>', summary: 'MQTT_BASIC: file with its password, - for stdin' },
} as const satisfies Readonly<Record<string, Flag>>;

type CredentialFlags = { readonly [K in keyof typeof credentialFlags]?: string | undefined };

async function credentialsOf(io: Io, given: CredentialFlags): Promise<unknown> {
  const { 'token-file': token, 'client-id': clientId, 'user-name': userName, 'password-file': password } = given;
  const basic = clientId !== undefined || userName !== undefined || password !== undefined;
  if (token !== undefined && basic) throw new UsageError('--token-file and the MQTT_BASIC flags exclude each other.');
  if (token !== undefined) return { type: 'ACCESS_TOKEN', token: (await readSecretFile(io, token)).reveal() };
  if (!basic) return undefined;
  const secret = password === undefined ? undefined : (await readSecretFile(io, password)).reveal();
  return { type: 'MQTT_BASIC', clientId, userName, password: secret };
}

/** Prints a device with its new credentials. */
export function printCreated(io: Io, made: CreatedDevice, json: boolean): void {
  const credentials = Object.entries(made.credentials).map(([name, value]) => [name, valueText(value)] as const);
  const facts = [['id', made.id], ['name', made.name], ['profile', made.profile], ...credentials] as const;
  // A signature is checked with the secret itself, so a hash of it would not do.
  const kept = made.credentials.type === 'SIGNED_SECRET' ? { kept: 'sealed' } : {};
  printOnce(io, made, { json, facts, what: 'The credentials are', ...kept });
}

/** `device create`. */
export const create = defineCommand({
  name: 'device create',
  summary: 'Registers a device before it comes, and prints its credentials, once.',
  args: '<name>',
  flags: {
    profile: { type: 'string', value: '<name>', summary: 'its device profile' },
    label: { type: 'string', value: '<text>', summary: 'what people call it' },
    'keep-sealed': { type: 'boolean', summary: 'let the device fetch the credentials once, by provisioning' },
    ...credentialFlags,
    ...urlFlag,
  },
  examples: ['gridmoor device create meter-1 --profile smart-meter'],
  async run({ url, json, profile, label, 'keep-sealed': keepSealed, ...given }, [name = ''], io) {
    if (profile === undefined) throw new UsageError('--profile is missing: the name of a device profile.');
    const body = { name, profile, label, credentials: await credentialsOf(io, given), keepSealed };
    printCreated(io, await createClient(io, url).post<CreatedDevice>('/api/gridmoor/devices', body), json);
    return EXIT.fine;
  },
});

/** `device rotate`. */
export const rotate = defineCommand({
  name: 'device rotate',
  summary: 'Gives a device new credentials and prints them, once; sessions of the old ones end when those do.',
  args: '<device>',
  flags: { ...graceFlag, ...daysFlag, ...credentialFlags, ...urlFlag },
  examples: ['gridmoor device rotate meter-1', 'gridmoor device rotate meter-1 --grace 86400 --days 365'],
  async run({ url, json, grace, days, ...given }, [typed = ''], io) {
    const overlap = graceSeconds(grace);
    const life = secondsOfDays(days);
    const body = {
      credentials: await credentialsOf(io, given),
      keepFormerMs: overlap ? overlap * 1_000 : undefined,
      expiresAt: life === undefined ? undefined : Date.now() + Math.round(life * 1_000),
    };
    const path = apiPath`/api/gridmoor/devices/${typed}/rotate`;
    printCreated(io, await createClient(io, url).post<CreatedDevice>(path, body), json);
    return EXIT.fine;
  },
});

interface Life {
  readonly type: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
}

interface State {
  readonly present?: Life;
  readonly former?: Life;
}

function printState(io: Io, state: State, json: boolean): void {
  if (json) {
    printJson(io, state);
    return;
  }
  const rows = (['present', 'former'] as const).flatMap((which) => {
    const life = state[which];
    return life ? [[which, life.type, formatTime(life.createdAt), formatTime(life.expiresAt)]] : [];
  });
  printTable(io, ['which', 'type', 'created', 'expires'], rows);
}

/** `device credentials`. */
export const credentials = defineCommand({
  name: 'device credentials',
  summary: 'Shows of which kind the credentials of a device are and when they end, never the credentials.',
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor device credentials meter-1'],
  async run({ url, json }, [typed = ''], io) {
    printState(io, await createClient(io, url).get<State>(apiPath`/api/gridmoor/devices/${typed}/credentials`), json);
    return EXIT.fine;
  },
});

/** `device reset`. */
export const reset = defineCommand({
  name: 'device reset',
  summary: "Lets a device of a product be activated with the product's secret once more; its own works on until then.",
  args: '<device>',
  flags: urlFlag,
  examples: ['gridmoor device reset light-0001'],
  async run({ url, json }, [typed = ''], io) {
    const path = apiPath`/api/gridmoor/devices/${typed}/reset-activation`;
    const device = await createClient(io, url).post<{ id: string; name: string; state: string }>(path, undefined);
    if (json) printJson(io, device);
    else io.stdout.write(`${device.name} may be activated once more\n`);
    return EXIT.fine;
  },
});

/** `device revoke`. */
export const revoke = defineCommand({
  name: 'device revoke',
  summary: 'Ends the credentials of a device at once, with its session: it cannot log in until it is rotated.',
  args: '<device>',
  flags: { former: { type: 'boolean', summary: 'only the former ones of a rotation with --grace' }, ...urlFlag },
  examples: ['gridmoor device revoke meter-1', 'gridmoor device revoke meter-1 --former'],
  async run({ url, json, former }, [typed = ''], io) {
    const path = apiPath`/api/gridmoor/devices/${typed}/credentials/revoke`;
    const state = await createClient(io, url).post<State>(path, { which: former ? 'former' : 'all' });
    printState(io, state, json);
    return EXIT.fine;
  },
});
