import type { Storage } from './storage.ts';
import type { SectionName } from './transfer.ts';

/** The ports of a store: a new one does not compile before it says what of it is moved. */
export type PortName = Exclude<keyof Storage, 'kind' | 'lanes' | 'transfer' | 'health' | 'drain' | 'backup' | 'close'>;

/** What each port holds, in sections. */
export const PORT_SECTIONS = {
  registry: ['devices'],
  assets: ['assets', 'relations'],
  suppliers: ['suppliers'],
  attachments: ['attachments', 'attachmentHistory'],
  attributes: ['attributes'],
  telemetry: ['latest', 'history'],
  connectivity: ['due'],
  customers: ['customers', 'owners', 'claims'],
  audit: ['audit'],
  deadLetters: ['deadLetters'],
  messages: ['messages'],
  rpcs: ['rpcs'],
  alarms: ['alarms'],
  alarmStates: ['alarmStates'],
  apiKeys: ['apiKeys'],
  users: ['users'],
  generations: ['generations'],
  settings: ['settings'],
  ota: ['otaPackages', 'otaBlocks', 'otaDevices', 'otaProfiles'],
  outbox: ['outbox'],
  documents: ['documents'],
  appSessions: ['appSessions', 'appRetained'],
} as const satisfies Record<PortName, readonly SectionName[]>;

/**
 * Whether the order of a section's records counts. In the order in which sections are written: what others rest on comes first.
 */
export const SECTIONS = {
  customers: 'set',
  assets: 'set',
  suppliers: 'set',
  devices: 'set',
  due: 'set',
  owners: 'set',
  claims: 'set',
  relations: 'set',
  attachments: 'set',
  attachmentHistory: 'set',
  attributes: 'set',
  latest: 'set',
  history: 'set',
  alarms: 'set',
  alarmStates: 'set',
  rpcs: 'list',
  messages: 'list',
  deadLetters: 'list',
  otaPackages: 'set',
  otaBlocks: 'set',
  otaDevices: 'set',
  otaProfiles: 'set',
  users: 'set',
  apiKeys: 'set',
  generations: 'list',
  outbox: 'list',
  documents: 'set',
  appSessions: 'set',
  appRetained: 'set',
  audit: 'list',
  settings: 'set',
} as const satisfies Record<SectionName, 'set' | 'list'>;

export const SECTION_NAMES: readonly SectionName[] = Object.keys(SECTIONS) as SectionName[];
