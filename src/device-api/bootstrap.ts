import { createHash } from 'node:crypto';
import { isDeviceKey } from '../dialects/wire/dialect.ts';
import { hexBytes, sameBytes } from '../dialects/wire/signature.ts';
import type { Clock } from '../model/clock.ts';
import { ExactNumber, isJsonObject, type JsonObject, parseJson } from '../model/json.ts';
import type { DeviceProfile, ProfileSet } from '../profiles/index.ts';
import type { DynamicRegistration } from '../provisioning/dynamic-registration.ts';

export interface BootstrapAnswer {
  readonly code: 200 | 400 | 401;
  /** Compact JSON. */
  readonly text: string;
}

export interface BootstrapParts {
  readonly registration: DynamicRegistration;
  readonly profiles: () => ProfileSet;
  readonly clock: Clock;
}

const LIMITS = { maxDepth: 4, maxKeys: 50 };
const MAX_FIELD = 512;
/** Whatever is wrong (registration-protocols 1.4). */
const REFUSED: BootstrapAnswer = { code: 401, text: '{"code":10000,"msg":"the device is not allocated"}' };
const malformed = (field: string): BootstrapAnswer => ({
  code: 400,
  text: JSON.stringify({ code: 99400, msg: `${field} is missing, or is no text` }),
});

/** EnOS' device provisioning service: a serial of a group asks where to connect, and with which secret. */
export function createBootstrap({ registration, profiles, clock }: BootstrapParts) {
  return async (
    payload: Uint8Array,
    peer: { readonly address: string; readonly secure: boolean },
  ): Promise<BootstrapAnswer> => {
    const parsed = parseJson(payload, LIMITS);
    if (!parsed.ok || !isJsonObject(parsed.value)) return malformed('the body');
    const body = parsed.value;
    const given: Record<string, string> = {};
    for (const field of ['deviceSn', 'groupId', 'dpsSignMethod', 'dpsSignTimestamp', 'dpsSign'] as const) {
      const text = textOf(body, field);
      if (text === undefined) return malformed(field);
      given[field] = text;
    }
    const { deviceSn = '', groupId = '', dpsSignMethod, dpsSignTimestamp = '', dpsSign = '' } = given;
    const profile = profiles()
      .all()
      .find(({ provision }) => provision.rules.bootstrap?.groupId === groupId);
    const isFresh = isRecent(profile, dpsSignTimestamp, clock.now());
    const isRight = isSigned(profile, { serial: deviceSn, timestamp: dpsSignTimestamp, sign: dpsSign });
    const signed = isRight && isFresh && dpsSignMethod === 'sha256' && isDeviceKey('enos', deviceSn);
    const result = await registration.register({ profile, deviceKey: deviceSn, signed, wants: 'secret', ...peer });
    if (result.kind !== 'issued') return REFUSED;
    const { mqtt: murl = '', http: hurl = '' } = profile?.provision.rules.endpoints ?? {};
    const pk = profile?.thing?.productKey ?? '';
    return { code: 200, text: JSON.stringify({ murl, hurl, pk, dk: deviceSn, ds: result.deviceSecret }) };
  };
}

/** Nobody's; an unknown group takes the same steps. */
const NO_SECRET = '?'.repeat(80);
const NO_ORDER = '{secret}{serial}{timestamp}';

function isSigned(
  profile: DeviceProfile | undefined,
  { serial, timestamp, sign }: { readonly serial: string; readonly timestamp: string; readonly sign: string },
): boolean {
  const { secret, content = NO_ORDER } = profile?.provision.rules.bootstrap ?? {};
  const words: Readonly<Record<string, string>> = { secret: secret?.reveal() ?? NO_SECRET, serial, timestamp };
  const text = content.replaceAll(/\{(secret|serial|timestamp)\}/g, (_, word: string) => words[word] ?? '');
  const expected = createHash('sha256').update(text, 'utf8').digest();
  return sameBytes(hexBytes(sign, expected.length), expected) && secret !== undefined;
}

function isRecent(profile: DeviceProfile | undefined, timestamp: string, now: number): boolean {
  const { skewMs = 0 } = profile?.provision.rules.bootstrap ?? {};
  return /^\d{1,16}$/.test(timestamp) && Math.abs(now - Number(timestamp)) <= skewMs;
}

function textOf(body: JsonObject, field: string): string | undefined {
  const value = Object.hasOwn(body, field) ? body[field] : undefined;
  if (typeof value === 'number' || value instanceof ExactNumber) return String(value);
  return typeof value === 'string' && value !== '' && value.length <= MAX_FIELD ? value : undefined;
}
