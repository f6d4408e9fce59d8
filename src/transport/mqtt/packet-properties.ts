import type { UserProperties } from 'mqtt-packet';
import type { PacketReader } from './packet-reader.ts';
import { reasonCodes } from './reason-codes.ts';

export type PropertyHolder =
  | 'connect'
  | 'will'
  | 'publish'
  | 'ack'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect'
  | 'auth';

type Wire = 'byte' | 'flag' | 'uint16' | 'uint32' | 'varint' | 'text' | 'topic' | 'binary';
type Property = readonly [name: string, wire: Wire, allowedIn: readonly PropertyHolder[]];

// MQTT 5.0, 2.2.2.2. A client never sends those without a holder.
const properties: ReadonlyMap<number, Property> = new Map<number, Property>([
  [0x01, ['payloadFormatIndicator', 'flag', ['publish', 'will']]],
  [0x02, ['messageExpiryInterval', 'uint32', ['publish', 'will']]],
  [0x03, ['contentType', 'text', ['publish', 'will']]],
  [0x08, ['responseTopic', 'topic', ['publish', 'will']]],
  [0x09, ['correlationData', 'binary', ['publish', 'will']]],
  [0x0b, ['subscriptionIdentifier', 'varint', ['subscribe']]],
  [0x11, ['sessionExpiryInterval', 'uint32', ['connect', 'disconnect']]],
  [0x12, ['assignedClientIdentifier', 'text', []]],
  [0x13, ['serverKeepAlive', 'uint16', []]],
  [0x15, ['authenticationMethod', 'text', ['connect', 'auth']]],
  [0x16, ['authenticationData', 'binary', ['connect', 'auth']]],
  [0x17, ['requestProblemInformation', 'flag', ['connect']]],
  [0x18, ['willDelayInterval', 'uint32', ['will']]],
  [0x19, ['requestResponseInformation', 'flag', ['connect']]],
  [0x1a, ['responseInformation', 'text', []]],
  [0x1c, ['serverReference', 'text', []]],
  [0x1f, ['reasonString', 'text', ['ack', 'disconnect', 'auth']]],
  [0x21, ['receiveMaximum', 'uint16', ['connect']]],
  [0x22, ['topicAliasMaximum', 'uint16', ['connect']]],
  [0x23, ['topicAlias', 'uint16', ['publish']]],
  [0x24, ['maximumQoS', 'byte', []]],
  [0x25, ['retainAvailable', 'byte', []]],
  [0x27, ['maximumPacketSize', 'uint32', ['connect']]],
  [0x28, ['wildcardSubscriptionAvailable', 'byte', []]],
  [0x29, ['subscriptionIdentifiersAvailable', 'byte', []]],
  [0x2a, ['sharedSubscriptionAvailable', 'byte', []]],
]);
const userProperty = 0x26;
const maxUserProperties = 100;

/** Zero is a protocol error for these (MQTT 5.0, 3.1.2.11.3, 3.1.2.11.4, 3.8.2.1.2); an alias has a code of its own. */
const neverZero: ReadonlyMap<string, number> = new Map([
  ['receiveMaximum', reasonCodes.protocolError],
  ['maximumPacketSize', reasonCodes.protocolError],
  ['subscriptionIdentifier', reasonCodes.protocolError],
  ['topicAlias', reasonCodes.topicAliasInvalid],
]);

/** The properties of one packet, or undefined when there are none. Each may stand once, except user properties. */
export function readProperties(reader: PacketReader, holder: PropertyHolder): object | undefined {
  const found: Record<string, unknown> = {};
  let users: UserProperties | undefined;
  let userCount = 0;
  let foreign: string | undefined;
  let repeated: string | undefined;

  reader.within(reader.varint(), () => {
    const id = reader.varint();
    if (id === userProperty) {
      users ??= Object.create(null) as UserProperties;
      if (++userCount > maxUserProperties)
        reader.fail('more than 100 user properties', reasonCodes.implementationSpecific);
      addUserProperty(users, reader.text('user property name'), reader.text('user property value'));
      return;
    }
    const property = properties.get(id);
    if (!property) {
      reader.fail(`unknown property ${id}`);
      return;
    }
    const [name, wire, allowedIn] = property;
    const value = readValue(reader, name, wire);
    if (!allowedIn.includes(holder)) foreign ??= name;
    else if (name in found) repeated ??= name;
    else found[name] = value;
    const zeroCode = value === 0 ? neverZero.get(name) : undefined;
    if (zeroCode !== undefined) reader.fail(`property ${name} is 0`, zeroCode);
  });
  // A cut property is malformed whatever its name, so these come after all were read whole.
  if (foreign !== undefined) reader.fail(`property ${foreign} does not belong in this packet`);
  if (repeated !== undefined) reader.fail(`property ${repeated} stands twice`, reasonCodes.protocolError);
  if (users) found.userProperties = users;
  return users || Object.keys(found).length > 0 ? found : undefined;
}

function readValue(reader: PacketReader, name: string, wire: Wire): unknown {
  switch (wire) {
    case 'byte':
      return reader.byte();
    case 'flag': {
      const value = reader.byte();
      if (value > 1) reader.fail(`property ${name} is neither 0 nor 1`, reasonCodes.protocolError);
      return value === 1;
    }
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'varint':
      return reader.varint();
    case 'binary':
      return reader.binary();
    case 'topic': {
      const topic = reader.name(name);
      if (topic === '') reader.fail(`property ${name} is empty`, reasonCodes.protocolError); // [MQTT-4.7.3-1]
      return topic;
    }
    case 'text':
      return reader.text(name);
  }
}

function addUserProperty(users: UserProperties, name: string, value: string): void {
  const before = users[name];
  if (before === undefined) users[name] = value;
  else if (typeof before === 'string') users[name] = [before, value];
  else before.push(value);
}
