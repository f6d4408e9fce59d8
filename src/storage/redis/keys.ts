import { BrokerError } from '../../errors.ts';
import { ENTITY_TYPES, type EntityId, type EntityType } from '../../model/entity.ts';
import { parseUuid } from '../../model/ids.ts';
import { ATTRIBUTE_SCOPES, type AttributeScope } from '../../model/telemetry.ts';

/**
 * Everything of the registry has this hash tag, so that one script may touch all of it on a Cluster. Attributes and telemetry
 * of an entity have the entity's id as their tag.
 */
const tagged = (name: string): string => `{gm}:${name}`;

/** Hash: field -> record or id. Sorted set: members in order of their bytes, unless a score is named. */
export const KEYS = {
  /** Text: number of the layout of all keys. */
  format: tagged('format'),
  /** Text with an expiry: written to see whether writes are taken. */
  pulse: tagged('pulse'),
  /** Hash: name -> text. */
  settings: tagged('settings'),
  /** Hash: what is counted -> how many. */
  counts: tagged('counts'),
  /** Hash: id -> device. */
  devices: tagged('devices'),
  /** Sorted set: name, NUL, id, profile. */
  deviceNames: tagged('device-names'),
  /** Hash: device -> its present and former credentials. */
  credentials: tagged('credentials'),
  /** Hash: credentials index -> device. */
  credentialsByIndex: tagged('credentials-by-index'),
  /** Hash: id -> asset. */
  assets: tagged('assets'),
  /** Sorted set: type, NUL, name, NUL, id. */
  assetNames: tagged('asset-names'),
  /** Hash: type -> number of assets. */
  assetTypes: tagged('asset-types'),
  /** Hash: supplier -> its keys. */
  suppliers: tagged('suppliers'),
  /** Hash: hash of a key -> supplier. */
  supplierKeys: tagged('supplier-keys'),
  /** Hash: device -> attachment. */
  attachments: tagged('attachments'),
  /** Sorted set: device name, NUL, device. */
  attachmentNames: tagged('attachment-names'),
  /** Sorted set: hash of the supply point, NUL, device name, NUL, device. */
  attachmentPoints: tagged('attachment-points'),
  /** Sorted set of devices that are gone, and whose attachment events stay. */
  formerHistories: tagged('former-histories'),
  /** Hash: id -> customer. */
  customers: tagged('customers'),
  /** Sorted set: title, NUL, id. */
  customerTitles: tagged('customer-titles'),
  /** Hash: device or asset -> customer. */
  customerOf: tagged('customer-of'),
  /** Hash: device -> registration of a claim. */
  claims: tagged('claims'),
  /** Sorted set of devices, scored by when their silence is to be looked at. */
  stateDue: tagged('state-due'),
  /** List of lines, the newest first. */
  audit: tagged('audit'),
  /** Hash: id -> key. */
  apiKeys: tagged('api-keys'),
  /** Hash: hash -> id. */
  apiKeysByHash: tagged('api-keys-by-hash'),
  /** Hash: id -> user. */
  users: tagged('users'),
  /** Sorted set: name, NUL, id. */
  userNames: tagged('user-names'),
  /** Sorted set of ids scored by creation: devices whose own keys are not written yet. */
  unsettled: tagged('unsettled'),
  /** Hash: id -> server attributes of a creation, as JSON, until they are written. */
  unsettledAttributes: tagged('unsettled-attributes'),
  /** Sorted set of ids scored by deletion: their own keys are to be dropped. */
  purges: tagged('purges'),
  /** Hash: id -> message that waits. */
  messages: tagged('messages'),
  /** Sorted set: sequence, id; scored by when the message is due. */
  messagesDue: tagged('messages-due'),
  /** Sorted set: tag and id of the originator, NUL, sequence, id. */
  messagesOf: tagged('messages-of'),
  /** Hash: id -> dead letter. */
  deadLetters: tagged('dead-letters'),
  /** Sorted set: sequence, id. */
  deadLetterOrder: tagged('dead-letter-order'),
  /** Sorted set: tag and id of the originator, NUL, sequence, id. */
  deadLettersOf: tagged('dead-letters-of'),
  /** Hash: id -> call to a device. */
  rpcs: tagged('rpcs'),
  /** Sorted set: device, NUL, sequence, id; all calls, and those that are still to be delivered. */
  rpcsOf: tagged('rpcs-of'),
  rpcsToDeliver: tagged('rpcs-to-deliver'),
  /** Sorted sets of ids: unfinished calls scored by their expiry, finished ones by their end. */
  rpcsExpire: tagged('rpcs-expire'),
  rpcsEnded: tagged('rpcs-ended'),
  /** Hash: id -> alarm. */
  alarms: tagged('alarms'),
  /** Sorted set of ids, which begin with the time of creation. */
  alarmIds: tagged('alarm-ids'),
  /** Sorted set: tag and id of the originator, NUL, id. */
  alarmsOf: tagged('alarms-of'),
  /** Hash: tag and id of the originator, NUL, type -> id of the alarm that is not cleared. */
  alarmsActive: tagged('alarms-active'),
  /** Sorted set of ids scored by their end. */
  alarmsCleared: tagged('alarms-cleared'),
  /** Hash: type -> how many alarms have it. */
  alarmTypes: tagged('alarm-types'),
  /** Hash: device, NUL, node -> state of alarm rules. */
  alarmStates: tagged('alarm-states'),
  /** Sorted set of the fields of the former. */
  alarmStatesOf: tagged('alarm-states-of'),
  /** Sorted set of the same, scored by when the device is to be looked at. */
  alarmStatesDue: tagged('alarm-states-due'),
  /** Hash: id -> set of chain files. */
  generations: tagged('generations'),
  /** Sorted set of ids, scored in the order they came. */
  generationOrder: tagged('generation-order'),
  /** Hash: kind, NUL, key -> version, end and text of a document. */
  documents: tagged('documents'),
  /** Sorted set of the fields of the former. */
  documentOrder: tagged('document-order'),
  /** The same, those that end, scored by when. */
  documentsDue: tagged('documents-due'),
  /** Hash: id -> what app clients are still to be told. */
  outbox: tagged('outbox'),
  /** Sorted set of the ids of the former. */
  outboxOrder: tagged('outbox-order'),
  /** Hash: id -> package. */
  otaPackages: tagged('ota-packages'),
  /** Hash: kind, title and version -> id. */
  otaNames: tagged('ota-names'),
  /** Sorted set: package, NUL, `d` and a device or `p` and a profile. */
  otaUsers: tagged('ota-users'),
  /** Hash: device -> what it has and what it was told. */
  otaDevices: tagged('ota-devices'),
  /** Hash: profile -> what its devices have. */
  otaProfiles: tagged('ota-profiles'),
} as const;

/** Text with an expiry: what a step answered, for a repeat of it after a lost reply. */
export const operationKey = (id: string): string => tagged(`op:${id}`);
/** Hash: number of a block of a package's binary -> its bytes. */
export const otaBlocksKey = (packageId: string): string => tagged(`ota-blocks:${packageId}`);
/** List of attachment events of a device, the oldest first. */
export const historyKey = (deviceId: string): string => tagged(`history:${deviceId}`);
/** Sorted set: device name, NUL, device; those attached to the supplier. */
export const suppliedKey = (supplierId: string): string => tagged(`supplied:${supplierId}`);
/** Sorted set: type, NUL, tag and id of the other end. */
export const relationsKey = (end: EntityId, side: 'from' | 'to'): string =>
  tagged(`${side}:${ENTITY_TAGS[end.entityType]}${end.id}`);

/**
 * Set while the entity exists; in its own slot, beside the data that hangs on it. Of a device with sessions it says which of them may
 * write: the epoch of the newest, and behind a space that of the oldest where it is another one (session-fence.lua).
 */
export const aliveKey = (entityId: string): string => `{${entityId}}:alive`;
/** Hash: `=` and key -> time, space, JSON; `#` -> the highest time. */
export const latestKey = (entityId: string): string => `{${entityId}}:latest`;
/** List of samples in the order they came, each time, space, JSON: those that are not in a chunk yet. */
export const openKey = (entityId: string): string => `{${entityId}}:open`;
/** Hash: number of a chunk -> its samples, packed; `#` -> the last number; `s` -> the longest time that one spans. */
export const chunksKey = (entityId: string): string => `{${entityId}}:chunks`;
/** Sorted set: number, colon, last time, colon, count of samples; scored by the first time. */
export const chunkIndexKey = (entityId: string): string => `{${entityId}}:index`;
/** Hash: `=` and key -> number in the order of first writing, time, JSON; `#` -> the last number. */
export const attributesKey = (entityId: string, scope: AttributeScope): string => `{${entityId}}:${SCOPES[scope]}`;
/** As `operationKey`, in the slot of the entity. */
export const entityOperationKey = (entityId: string, id: string): string => `{${entityId}}:op:${id}`;
/** Everything that an entity has in its own slot, besides the marker and operations, which expire. */
export const entityDataKeys = (entityId: string): readonly string[] => [
  latestKey(entityId),
  openKey(entityId),
  chunksKey(entityId),
  chunkIndexKey(entityId),
  ...ATTRIBUTE_SCOPES.map((scope) => attributesKey(entityId, scope)),
];

const SCOPES = { CLIENT_SCOPE: 'client', SHARED_SCOPE: 'shared', SERVER_SCOPE: 'server' } as const satisfies Record<
  AttributeScope,
  string
>;

const ENTITY_TAGS = { DEVICE: 1, ASSET: 2, CUSTOMER: 3, TENANT: 4 } as const satisfies Record<EntityType, number>;
const TYPES_BY_TAG = new Map(ENTITY_TYPES.map((type) => [String(ENTITY_TAGS[type]), type]));
export const ID_LENGTH = 36;

/** Tag and id, as they stand in a member. */
export const entityText = (entity: EntityId): string => `${ENTITY_TAGS[entity.entityType]}${entity.id}`;

export function entityOfText(text: string): EntityId {
  const entityType = TYPES_BY_TAG.get(text.charAt(0));
  if (entityType === undefined) {
    throw new BrokerError('STORE_CORRUPT', { detail: 'A relation has an end of an unknown type.' });
  }
  return { entityType, id: text.slice(1) };
}

/** Whether the text can be an id at all: nothing else is ever in the store, or in the name of a key. */
export const isId = (text: string): boolean => parseUuid(text) === text;

/** An id that is about to be stored. */
export function newId<T extends string>(id: T): T {
  if (!isId(id)) throw new BrokerError('BAD_REQUEST', { detail: 'An id is not a UUID.' });
  return id;
}

const MAX_TEXT_BYTES = 1800;

/** A text without NUL, in the order of its bytes still: one inside of it is written as two other characters. */
export function escaped(text: string): string {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw new BrokerError('BAD_REQUEST', { detail: 'A name is too long.' });
  return text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001');
}

/** A text that stands in a member before other parts. */
export const closed = (text: string): string => `${escaped(text)}\0`;

/** The text that was escaped. */
export const unescaped = (text: string): string =>
  text.replaceAll('\u0001\u0001', '\0').replaceAll('\u0001\u0002', '\u0001');
