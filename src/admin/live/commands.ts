import { type DeviceId, parseDeviceId } from '../../model/ids.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../model/json.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../../model/telemetry.ts';

const LIMITS = { maxDepth: 10, maxKeys: 5_000 } as const;
const MAX_COMMANDS = 100;

/** What a client of the WebSocket API asks for. */
export type Command =
  | { readonly kind: 'auth'; readonly token: string }
  | {
      readonly kind: 'subscribe';
      readonly id: number;
      readonly deviceId: DeviceId;
      /** Undefined = telemetry; no scope = attributes of all scopes. */
      readonly scopes: readonly AttributeScope[] | undefined;
      /** Undefined = all. */
      readonly keys: ReadonlySet<string> | undefined;
    }
  | { readonly kind: 'unsubscribe'; readonly id: number }
  | { readonly kind: 'wrong'; readonly id: number; readonly problem: string };

/** The commands of one message in their order, in both of ThingsBoard's forms; undefined when it is none. */
export function parseCommands(text: string): readonly Command[] | undefined {
  const parsed = parseJson(text, LIMITS);
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined;
  const { authCmd, cmds, tsSubCmds, attrSubCmds, historyCmds } = parsed.value;
  const commands: Command[] = [];
  if (isJsonObject(authCmd) && typeof authCmd.token === 'string') commands.push({ kind: 'auth', token: authCmd.token });
  const given = [
    ...listOf(cmds).map((one) => [one, isJsonObject(one) ? one.type : undefined] as const),
    ...listOf(tsSubCmds).map((one) => [one, 'TIMESERIES'] as const),
    ...listOf(attrSubCmds).map((one) => [one, 'ATTRIBUTES'] as const),
    ...listOf(historyCmds).map((one) => [one, 'TIMESERIES_HISTORY'] as const),
  ];
  if (given.length > MAX_COMMANDS) return undefined;
  for (const [one, type] of given) {
    if (!isJsonObject(one)) return undefined;
    commands.push(commandOf(one, type));
  }
  return commands;
}

function commandOf(given: JsonObject, type: JsonValue | undefined): Command {
  const id = typeof given.cmdId === 'number' && Number.isSafeInteger(given.cmdId) ? given.cmdId : 0;
  const wrong = (problem: string): Command => ({ kind: 'wrong', id, problem });
  if (given.unsubscribe === true) return { kind: 'unsubscribe', id };
  if (type !== 'TIMESERIES' && type !== 'ATTRIBUTES') {
    return wrong('only the types TIMESERIES and ATTRIBUTES are offered');
  }
  if (typeof given.cmdId !== 'number') return wrong('cmdId must be an integer');
  if (given.entityType !== 'DEVICE') return wrong('entityType must be DEVICE');
  const deviceId = typeof given.entityId === 'string' ? parseDeviceId(given.entityId) : undefined;
  if (deviceId === undefined) return wrong('entityId must be a UUID');
  const keyText = given.keys ?? '';
  if (typeof keyText !== 'string') return wrong('keys must be a text, separated by commas');
  const keys = keyText === '' ? undefined : new Set(keyText.split(','));
  if (type === 'TIMESERIES') {
    if (typeof given.timeWindow === 'number' && given.timeWindow > 0) return wrong('only latest values are offered');
    return { kind: 'subscribe', id, deviceId, scopes: undefined, keys };
  }
  const { scope } = given;
  const scopes = ATTRIBUTE_SCOPES.filter(
    (one) => one === scope || scope === undefined || scope === null || scope === '',
  );
  if (scopes.length === 0) return wrong(`scope must be one of ${ATTRIBUTE_SCOPES.join(', ')}`);
  return { kind: 'subscribe', id, deviceId, scopes, keys };
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);
