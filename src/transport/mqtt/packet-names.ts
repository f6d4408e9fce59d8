import { reasonCodes } from './reason-codes.ts';

export interface NameLimits {
  readonly maxTopicLevels: number;
  /** UTF-16 units. */
  readonly maxTopicLength: number;
}

export interface NameFault {
  readonly drop: string;
  readonly reasonCode: number;
}

const prototypeNames: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Names that every plain object answers to. aedes keeps clients and subscriptions in plain objects. */
export function isPrototypeName(name: string): boolean {
  return prototypeNames.has(name);
}

/** Why nobody may publish to this topic, or undefined. [MQTT-4.7.3-1], [MQTT-3.3.2-2] */
export function topicFault(topic: string, limits: NameLimits): NameFault | undefined {
  if (topic === fit.topic && limits === fit.limits) return undefined;
  if (topic === '') return fault('empty topic', reasonCodes.protocolError);
  const bound = boundFault(topic, limits, reasonCodes.topicNameInvalid);
  if (bound) return bound;
  if (topic.includes('+') || topic.includes('#')) return fault('wildcard in a topic', reasonCodes.malformedPacket);
  fit.topic = topic;
  fit.limits = limits;
  return undefined;
}

/** The last one without a fault: nearly all publishes go to a few topics. */
const fit: { topic: string; limits: NameLimits | undefined } = { topic: '', limits: undefined };

/** Why this is no topic filter for us, or undefined. [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1] */
export function filterFault(filter: string, limits: NameLimits): NameFault | undefined {
  if (filter === '') return fault('empty topic filter', reasonCodes.malformedPacket);
  const bound = boundFault(filter, limits, reasonCodes.topicFilterInvalid);
  if (bound) return bound;
  for (let i = 0; i < filter.length; i++) {
    const char = filter[i];
    if (char !== '+' && char !== '#') continue;
    const opensLevel = i === 0 || filter[i - 1] === '/';
    const endsLevel = i === filter.length - 1 || (char === '+' && filter[i + 1] === '/');
    if (!opensLevel || !endsLevel) return fault('wildcard that does not fill its level', reasonCodes.malformedPacket);
  }
  return undefined;
}

function boundFault(name: string, limits: NameLimits, reasonCode: number): NameFault | undefined {
  if (name.length > limits.maxTopicLength) return fault('topic is too long', reasonCode);
  if (isPrototypeName(name)) return fault('topic is a reserved word', reasonCode);
  let levels = 1;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) === 47) levels++;
  return levels > limits.maxTopicLevels ? fault('topic has too many levels', reasonCode) : undefined;
}

function fault(drop: string, reasonCode: number): NameFault {
  return { drop, reasonCode };
}
