import { integer, text } from '../schema/fields.ts';
import { count, setting } from './setting.ts';

/** Limits of app clients. */
export const APP_SETTINGS = {
  maxConnections: setting('GRIDMOOR_APP_CONNECTIONS', count('Connections of app clients at a time.', 1_000)),
  maxSessions: setting('GRIDMOOR_APP_SESSIONS', count('Sessions of app clients that outlive their connection.', 1_000)),
  sessionDays: setting(
    'GRIDMOOR_APP_SESSION_DAYS',
    integer('Days that such a session, and a message in it, is kept at most.', {
      default: 7,
      minimum: 1,
      maximum: 365,
    }),
  ),
  queueMessages: setting(
    'GRIDMOOR_APP_QUEUE_MESSAGES',
    count('Messages that may wait for one session; the oldest go first.', 10_000),
  ),
  queueBytes: setting(
    'GRIDMOOR_APP_QUEUE_BYTES',
    count('Bytes of messages that may wait for one session; the oldest go first.', 16_777_216),
  ),
  maxRetained: setting('GRIDMOOR_APP_RETAINED', count('Topics of app clients with a retained message.', 10_000)),
  publishRate: setting(
    'GRIDMOOR_APP_PUBLISH_RATE',
    text('Publishes of all app clients of one key, as capacity:seconds[,…]; empty means no limit.', {
      default: '1000:1',
      examples: ['100:1,2000:60'],
    }),
    { special: 'rate' },
  ),
} as const;
