import type { JsonObject } from '../model/json.ts';
import { randomAlphanumerics } from '../registry/credentials.ts';
import { nameProblem } from '../registry/registry.ts';
import { deviceKeyProblem, type SigningProduct } from '../registry/signed-secrets.ts';
import { mustText, objectOf, textOf, WrongArgument } from './service-call.ts';

/** What a call says of a device. */
export interface DeviceFacts {
  readonly label: string | undefined;
  /** Server attributes, by the names of the call. */
  readonly facts: JsonObject;
}

/** Attributes and tags (registration-protocols 1.4). */
const MAX_MEMBERS = 100;
const TIMEZONE = /^[A-Za-z0-9+:/_-]{1,64}$/;
const MAX_DESCRIPTION = 1_024;
const GENERATED_KEY = 10;

/** Throws WrongArgument. */
export function readNewDevice(
  body: JsonObject,
  product: SigningProduct,
): DeviceFacts & { readonly deviceKey: string; readonly label: string } {
  mustText(body, 'timezone');
  const { label, facts } = readFacts(body);
  if (label === undefined) throw new WrongArgument('deviceName', 'is missing');
  const given = textOf(body, 'deviceKey');
  const deviceKey = given ?? randomAlphanumerics(GENERATED_KEY);
  const problem = deviceKeyProblem(product, deviceKey);
  if (problem !== undefined && given === undefined) {
    throw new WrongArgument('deviceKey', 'must be given: none can be made', 'keyGenerationFailed');
  }
  if (problem !== undefined) throw new WrongArgument('deviceKey', `cannot be used: ${problem}`);
  return { deviceKey, label, facts };
}

/** Throws WrongArgument. */
export function readFacts(body: JsonObject): DeviceFacts {
  const timezone = textOf(body, 'timezone');
  if (timezone !== undefined && !TIMEZONE.test(timezone)) throw new WrongArgument('timezone', 'is none: +08:00');
  const deviceName = objectOf(body, 'deviceName', 2);
  const label = deviceName && mustText(deviceName, 'defaultValue');
  const wrongLabel = label === undefined ? undefined : nameProblem(label);
  if (wrongLabel) throw new WrongArgument('deviceName', wrongLabel);
  if (deviceName) objectOf(deviceName, 'i18nValue', MAX_MEMBERS);
  const facts = {
    timezone,
    deviceName,
    deviceDesc: textOf(body, 'deviceDesc', MAX_DESCRIPTION),
    deviceAttributes: objectOf(body, 'deviceAttributes', MAX_MEMBERS),
    deviceTags: tagsOf(body),
  };
  const given = Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { label, facts: Object.fromEntries(given) };
}

function tagsOf(body: JsonObject): JsonObject | undefined {
  const tags = objectOf(body, 'deviceTags', MAX_MEMBERS);
  if (tags && Object.values(tags).some((value) => typeof value !== 'string')) {
    throw new WrongArgument('deviceTags', 'must hold texts');
  }
  return tags;
}
