import type { Device } from '../model/device.ts';
import { type JsonValue, parseJson } from '../model/json.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import { bump, countEnded, type MessageCounters } from './counters.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import {
  DEFAULT_TYPE,
  type Form,
  type Member,
  type Part,
  readArrays,
  readAttributeRequest,
  readNamed,
  readObjects,
  readRpcReply,
} from './gateway-payload.ts';
import {
  decodeAttributeMembers,
  decodeAttributeRequest,
  decodeClaimMembers,
  decodeConnect,
  decodeDisconnect,
  decodeRpcReply,
  decodeTelemetryMembers,
  type ProtoContext,
} from './gateway-protobuf.ts';
import type { SubAttributes } from './gateway-replies.ts';
import type { MessageRunner } from './message-runner.ts';
import type { SubRefusal } from './sub-device-maker.ts';
import { type SubDevice, type SubDeviceLink, type SubDeviceParts, SubDevices } from './sub-devices.ts';
import type { Uplink, UplinkDone, UplinkMeter, UplinkResult } from './uplink.ts';

/**
 * What became of a gateway's message, all its members taken together (thingsboard-device-api 4.2). `unreadable`: it is no
 * JSON, or not the protobuf message that the topic asks for. `wrong-form`: it is JSON, but not what the topic asks for. `invalid`: a member's content cannot be read, the others are
 * stored. `limit`, `refused`, `not-yours`: a sub-device may not be used or created. `rate-limited` names the device.
 */
export type GatewayResult =
  | { readonly kind: 'stored' }
  | { readonly kind: 'unreadable' | 'wrong-form'; readonly problem: string }
  | { readonly kind: 'invalid' | 'failed' | Exclude<SubRefusal, 'rate-limited' | 'failed'> }
  | { readonly kind: 'rate-limited'; readonly device: string };

export type GatewayDone = (result: GatewayResult) => void;

/** The connection of a gateway as a front offers it: what is for its sub-devices. */
export type GatewayLink = SubDeviceLink;

/** What a gateway may ask for its sub-devices. Payloads are read before a call returns; one `done` for each message. */
export interface Gateway {
  connect(payload: Uint8Array, done: GatewayDone): void;
  disconnect(payload: Uint8Array, done: GatewayDone): void;
  telemetry(payload: Uint8Array, done: GatewayDone): void;
  attributes(payload: Uint8Array, done: GatewayDone): void;
  /** `answer` is called after `done`. */
  requestAttributes(payload: Uint8Array, done: GatewayDone, answer: (found: SubAttributes) => void): void;
  /** The answer of a sub-device to a call of the server; late and unknown ones are taken and dropped. */
  rpcReply(payload: Uint8Array, done: GatewayDone): void;
  claim(payload: Uint8Array, done: GatewayDone): void;
  /** Something came from the gateway, which counts for its sub-devices when it is so marked. */
  seen(): void;
  /** The connection is gone: so are the sessions of the sub-devices. */
  close(): void;
}

export interface GatewayParts extends SubDeviceParts {
  readonly runner: MessageRunner;
  /** The limits that all sub-devices share. */
  readonly meter: UplinkMeter;
  readonly attributes: AttributeStore;
  /** The gateway's own, for its statistics. */
  readonly ownUplink: Pick<Uplink, 'telemetryJson' | 'refuse'>;
  readonly counters: MessageCounters;
  /** The answer of a sub-device to a call. */
  readonly respond: (sub: SubDevice, callId: number, payload: Uint8Array, done: UplinkDone) => void;
  readonly json: { readonly maxDepth: number; readonly maxKeys: number };
}

/** The activity of a gateway counts for its sub-devices at most so often. */
const SEEN_PAUSE_MS = 1_000;
const STORED: GatewayResult = { kind: 'stored' };

/** How a kind of message is read, by the payload type of the gateway's profile. */
interface Reader<T> {
  readonly json: (json: JsonValue) => Form<T>;
  readonly protobuf: (payload: Uint8Array, context: ProtoContext) => Form<T>;
}
const CONNECT = { json: readNamed, protobuf: decodeConnect };
const DISCONNECT = { json: readNamed, protobuf: decodeDisconnect };
const TELEMETRY = { json: readArrays, protobuf: decodeTelemetryMembers };
const ATTRIBUTES = { json: readObjects, protobuf: decodeAttributeMembers };
const CLAIMS = { json: readObjects, protobuf: decodeClaimMembers };
const ATTRIBUTE_REQUEST = { json: readAttributeRequest, protobuf: decodeAttributeRequest };
const RPC_REPLY = { json: readRpcReply, protobuf: decodeRpcReply };

/** From harmless to grave: the gravest of a message's members decides. */
const GRAVITY = ['stored', 'invalid', 'refused', 'not-yours', 'limit', 'rate-limited', 'failed'];

export function createGateway(device: Device, link: GatewayLink, parts: GatewayParts): Gateway {
  const { attributes, counters, meter, profiles, rules, runner } = parts;
  const subs = new SubDevices(device, parts, link);
  const metrics = new GatewayMetrics((values) => parts.ownUplink.telemetryJson(values, () => {}));
  let seenAt = Number.NEGATIVE_INFINITY;

  const refuse = (
    result: GatewayResult,
    done: GatewayDone,
    problem = 'problem' in result ? result.problem : undefined,
  ): void => {
    if (problem !== undefined) {
      parts.ownUplink.refuse(problem, () => done(result));
      return;
    }
    countEnded(counters, result.kind === 'rate-limited' ? 'rate-limited' : 'refused', device.profile, 'other');
    done(result);
  };
  /** The message by its form, or undefined when it has been answered. */
  const read = <T>(payload: Uint8Array, reader: Reader<T>, done: GatewayDone): T | undefined => {
    const protobuf = profiles().byName(device.profile)?.protobuf;
    if (protobuf) {
      const read = reader.protobuf(payload, { json: parts.json, now: parts.clock.now() });
      if (read.ok) return read.value;
      if (!protobuf.compatibleWithJson) {
        refuse({ kind: 'unreadable', problem: read.problem }, done);
        return undefined;
      }
    }
    const json = parseJson(payload, parts.json);
    if (!json.ok) {
      refuse({ kind: 'unreadable', problem: json.error.problem }, done);
      return undefined;
    }
    const read = reader.json(json.value);
    if (read.ok) return read.value;
    refuse({ kind: 'wrong-form', problem: read.problem }, done);
    return undefined;
  };
  const withSub = (name: string, type: string, done: GatewayDone, use: (sub: SubDevice) => void): void =>
    subs.with(name, type, (result) => {
      if (result.kind === 'open') {
        try {
          use(result.sub);
        } catch (error) {
          // Often nobody called us who could catch it: the device had to be opened first.
          parts.log.error({ event: 'gateway.member', device: result.sub.device.id, err: error }, 'message not handled');
          done({ kind: 'failed' });
        }
      } else {
        bump(counters.refusals, `gateway:${result.kind}`);
        const foreign =
          result.kind === 'not-yours' ? `${JSON.stringify(name)} is no device of this gateway` : undefined;
        refuse(named(result, name), done, foreign);
      }
    });
  /** Each member for itself, one answer when the last has its outcome. */
  const each = <T extends JsonValue>(
    members: readonly Member<T>[] | undefined,
    done: GatewayDone,
    use: (sub: SubDevice, part: Part<T>, done: GatewayDone) => void,
  ): void => {
    if (members === undefined) return;
    if (members.length > rules.max) {
      refuse({ kind: 'limit' }, done);
      return;
    }
    const one = members.length === 1 ? done : joinResults(members.length, done);
    for (const member of members) {
      withSub(member.device, DEFAULT_TYPE, one, (sub) => {
        if ('value' in member) use(sub, member, one);
        else sub.uplink.refuse(member.problem, (result) => one(named(result, member.device)));
      });
    }
  };

  return {
    connect(payload, done) {
      const named = read(payload, CONNECT, done);
      if (named) withSub(named.device, named.type, done, () => done(STORED));
    },

    disconnect(payload, done) {
      const named = read(payload, DISCONNECT, done);
      if (named) subs.disconnect(named.device, () => done(STORED));
    },

    telemetry(payload, done) {
      const now = parts.clock.now();
      each(read(payload, TELEMETRY, done), done, (sub, { value, typed }, one) =>
        sub.uplink.telemetryJson(
          value,
          (result) => {
            if (result.kind === 'stored') metrics.take(value, now);
            one(named(result, sub.device.name));
          },
          { typed },
        ),
      );
    },

    attributes(payload, done) {
      each(read(payload, ATTRIBUTES, done), done, (sub, { value, typed }, one) =>
        sub.uplink.attributesJson(value, (result) => one(named(result, sub.device.name)), { typed }),
      );
    },

    requestAttributes(payload, done, answer) {
      const request = read(payload, ATTRIBUTE_REQUEST, done);
      if (request === undefined) return;
      const { device: name, keys, scope } = request;
      withSub(name, DEFAULT_TYPE, done, (sub) => {
        const profile = profiles().byName(sub.device.profile);
        if (profile === undefined || !meter.takeMessage(profile)) {
          refuse(profile === undefined ? { kind: 'failed' } : { kind: 'rate-limited', device: name }, done);
          return;
        }
        const reading = async () => {
          await runner.settled(sub.device.id); // a device reads what it wrote before
          return attributes.read(sub.device.id, scope, keys);
        };
        reading().then(
          (found) => {
            done(STORED);
            answer({ ...request, found });
          },
          () => done({ kind: 'failed' }),
        );
      });
    },

    rpcReply(payload, done) {
      const reply = read(payload, RPC_REPLY, done);
      if (reply === undefined) return;
      const { device: name, id, text } = reply;
      withSub(name, DEFAULT_TYPE, done, (sub) =>
        parts.respond(sub, id, Buffer.from(text), (result) => done(named(result, name))),
      );
    },

    claim(payload, done) {
      each(read(payload, CLAIMS, done), done, (sub, { value }, one) => {
        sub.uplink.claimJson(value).then(
          (result) => one(named(result, sub.device.name)),
          () => one({ kind: 'failed' }),
        );
      });
    },

    seen() {
      const now = parts.clock.monotonic();
      if (device.overwriteActivityTime !== true || now - seenAt < SEEN_PAUSE_MS) return;
      seenAt = now;
      subs.seen();
    },

    close() {
      metrics.close();
      subs.close();
    },
  };
}

function named(result: UplinkResult | { readonly kind: SubRefusal }, device: string): GatewayResult {
  return result.kind === 'rate-limited' ? { kind: 'rate-limited', device } : { kind: result.kind };
}

function joinResults(count: number, done: GatewayDone): GatewayDone {
  let left = count;
  let gravest = STORED;
  return (result) => {
    if (GRAVITY.indexOf(result.kind) > GRAVITY.indexOf(gravest.kind)) gravest = result;
    if (--left === 0) done(gravest);
  };
}
