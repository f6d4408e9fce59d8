import { createHash, createHmac } from 'node:crypto';
import type { JsonObject } from '../../src/model/json.ts';
import { Secret } from '../../src/model/secret.ts';
import { NO_RULES, type OnExisting, type ProvisionRules } from '../../src/profiles/index.ts';
import { createOnce } from '../../src/provisioning/once.ts';
import { createProvisioning } from '../../src/provisioning/provisioning.ts';
import { parseProvisionRequest } from '../../src/provisioning/request.ts';
import { createProvisionTargets, type ProvisionTarget, type TargetSecret } from '../../src/provisioning/targets.ts';
import { createDeviceCertificates } from '../../src/registry/certificates.ts';
import { admissionOf } from './admission.ts';
import type { Rooms } from './rooms.ts';

/** The vectors' own words (registration-protocols 1.12). */
export const KEY = 'pk-demo';
export const SECRET = 'psec-demo-0123456789';
export const T0 = 1_700_000_000_000;
export const N1: JsonObject = {
  provisionDeviceKey: KEY,
  deviceName: 'meter-0001',
  timestamp: T0,
  nonce: 'n0nce-00112233445566778899',
  claims: '{"credentialsType":"ACCESS_TOKEN"}',
  signMethod: 'TBP1-HMAC-SHA256',
  sign: '512775c28e975caf457dbdb8f8010fe646624907cdba1aa089d9325fa76a2b13',
};
export const N3: JsonObject = { ...N1, sign: '8f0425ac3dffcf1001df67194d80badbb3b6893a8c202ba34bd053b360649182' };

/** Signed here, and not by what is tested. */
export function signed(fields: JsonObject = {}, key: string | Buffer = SECRET): JsonObject {
  const body = { ...N1, ...fields };
  const { deviceName, timestamp, nonce, claims } = body;
  const digest = createHash('sha256').update(String(claims)).digest('hex');
  const content = ['TBP1', KEY, deviceName, timestamp, nonce, digest].join('\n');
  return { ...body, sign: createHmac('sha256', key).update(content).digest('hex') };
}

export interface ProvisioningOptions {
  readonly proof?: Partial<ProvisionRules['proof']>;
  /** Secrets after the current one. */
  readonly previous?: readonly Partial<TargetSecret>[];
  readonly onExisting?: OnExisting;
  /** In the place of the rooms' own, to die between two steps. */
  readonly registry?: Rooms['registry'];
}

/** Provisioning of one profile over the rooms' own store, at the time of the vectors. */
export function provisioningOf(rooms: Rooms, options: ProvisioningOptions = {}) {
  const { storage, hash, clock } = rooms;
  const { proof, previous = [], onExisting = 'reject', registry = rooms.registry } = options;
  clock.set(T0);
  const secretOf = (text: string): TargetSecret => ({
    hash: hash.hash('provision-secret', text),
    clear: new Secret(text),
  });
  const target: ProvisionTarget = {
    profile: 'meter',
    strategy: 'allow-create-new-devices',
    secrets: [secretOf(SECRET), ...previous.map((one) => ({ ...secretOf('the-secret-before'), ...one }))],
    onExisting,
    rules: { ...NO_RULES, proof: { ...NO_RULES.proof, ...proof } },
  };
  const targets = createProvisionTargets(new Map([[KEY, target]]), hash);
  const provisioning = createProvisioning({
    registry,
    store: storage.registry,
    audit: storage.audit,
    hash,
    clock,
    once: createOnce(storage.documents, clock),
    admit: admissionOf(rooms).admit,
    customers: storage.customers,
    attributes: storage.attributes,
    certificates: createDeviceCertificates({ documents: storage.documents, audit: storage.audit, clock }),
    targets: () => targets,
  });
  const outcome = (body: JsonObject) => {
    const parsed = parseProvisionRequest(body);
    if (!parsed.ok) throw new Error(`${parsed.field} ${parsed.problem}`);
    return provisioning.provision(parsed.request, '127.0.0.1');
  };
  const ask = async (body: JsonObject): Promise<string> => {
    const { answer, reason } = await outcome(body);
    return `${answer.status} ${reason}`;
  };
  /** The access token in the answer, or why there is none. */
  const tokenOf = async (body: JsonObject): Promise<string> => {
    const { answer, reason } = await outcome(body);
    if (answer.status !== 'SUCCESS') return reason;
    return answer.credentials.type === 'ACCESS_TOKEN' ? answer.credentials.token : answer.credentials.type;
  };
  return { ask, tokenOf, challenge: provisioning.challenge };
}
