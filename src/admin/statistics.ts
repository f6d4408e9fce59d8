import { BrokerError } from '../errors.ts';
import { type Config, oneOf, optional, text } from '../schema/fields.ts';
import {
  COUNTED,
  type Counted,
  type Counts,
  DEVICE_CONDITIONS,
  GRANULARITIES,
  WINDOWS,
  type Window,
} from '../statistics/index.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { list, object } from './wire.ts';

const tag = 'statistics';
const URL = '/api/gridmoor/statistics';
const integer = { type: 'integer' } as const;
const COUNTS = object({
  up: { ...integer, description: 'Messages from devices.' },
  failed: { ...integer, description: 'Those of them that no chain finished: refused, rate-limited, dead-lettered.' },
  down: { ...integer, description: 'Messages to devices.' },
  ...Object.fromEntries(COUNTED.map((name) => [`${name}?`, integer])),
});

/** Each with several values is any of them; both together is both. */
const whose = {
  profile: optional(text('Names of profiles, commas between; absent: all.')),
  org: optional(text('Organisations of products (`product.orgId`), commas between; absent: all.')),
};

const words = (given: string): readonly string[] => given.split(',').flatMap((word) => word.trim() || []);

function metricsOf(given: string | undefined): readonly Counted[] {
  if (given === undefined) return COUNTED;
  const wanted = words(given);
  const known = COUNTED.filter((name) => wanted.includes(name) || wanted.includes(name.split('.')[0] ?? ''));
  const strange = wanted.find((word) => !known.some((name) => name === word || name.startsWith(`${word}.`)));
  if (strange === undefined) return known;
  const detail = `there is no such metric: ${COUNTED.join(', ')}, or what stands before the dot`;
  throw new BrokerError('BAD_REQUEST', { field: 'metric', detail });
}

/** Every name that was asked for, also those without anything, and what they come to. */
function shown(counts: Counts, metrics: readonly Counted[]) {
  const sum = (chosen: (name: Counted) => boolean): number =>
    metrics.reduce((total, name) => total + (chosen(name) ? (counts[name] ?? 0) : 0), 0);
  return {
    up: sum((name) => name.startsWith('up.')),
    failed: sum((name) => name.startsWith('up.') && name !== 'up.processed'),
    down: sum((name) => name === 'down.sent'),
    ...Object.fromEntries(metrics.map((name) => [name, counts[name] ?? 0])),
  };
}

/** What a dashboard shows: devices by condition, and messages and connections in buckets of time. */
export function statisticsRoutes({ statistics, clock, profiles }: AdminDeps): readonly Route[] {
  /** Names of the profiles that are meant: any of `profile`, and of any organisation of `org`; undefined: all. */
  const profilesOf = ({ profile, org }: Config<typeof whose>): readonly string[] | undefined => {
    const named = profile === undefined ? undefined : [...new Set(words(profile))];
    if (org === undefined) return named;
    const orgs = words(org);
    const theirs = profiles()
      .all()
      .filter(({ thing }) => thing?.orgId !== undefined && orgs.includes(thing.orgId))
      .map(({ name }) => name);
    return named ? theirs.filter((name) => named.includes(name)) : theirs;
  };
  return [
    defineRoute({
      method: 'GET',
      url: `${URL}/devices`,
      tag,
      summary: 'Devices by condition: online, offline, inactive (never heard of), disabled, retired.',
      role: 'read-only',
      query: whose,
      answer: object({
        total: integer,
        ...Object.fromEntries(DEVICE_CONDITIONS.map((name) => [name, integer])),
      }),
      handle: ({ query }) => statistics.devices.counts(profilesOf(query)),
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/messages`,
      tag,
      summary: 'Messages and connections of all instances, over restarts, in buckets of time.',
      role: 'read-only',
      query: {
        window: oneOf('How far back.', Object.keys(WINDOWS) as [Window, ...Window[]], { default: '1h' }),
        granularity: oneOf('Minutes a bucket.', GRANULARITIES, { default: '1' }),
        ...whose,
        metric: optional(text(`Which ones, commas between: ${COUNTED.join(', ')}, or what stands before the dot.`)),
      },
      answer: object({
        at: integer,
        active: { ...integer, description: 'Connections that this instance has open now; a gateway is one.' },
        subDevices: { ...integer, description: 'Sub-devices that are connected to this instance by way of gateways.' },
        sum: COUNTS,
        buckets: list(object({ at: integer, active: integer, counts: COUNTS })),
      }),
      async handle({ query: { window, granularity, metric, ...rest } }) {
        const metrics = metricsOf(metric);
        const names = profilesOf(rest);
        const { sum, buckets } = await statistics.messages(window, Number(granularity), names);
        const { connections, subDevices } = statistics.open(names);
        return {
          at: clock.now(),
          active: connections,
          subDevices,
          sum: shown(sum, metrics),
          buckets: buckets.map(({ at, active, counts }) => ({ at, active, counts: shown(counts, metrics) })),
        };
      },
    }),
  ];
}
