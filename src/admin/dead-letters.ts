import type { LetterRetry } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { type Config, flag, integer, optional, text } from '../schema/fields.ts';
import type { DeadLetter, DeadLetterFilter } from '../storage/record-stores.ts';
import type { AdminDeps } from './deps.ts';
import { deviceIdOf, pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { ANY_OBJECT, NO_CONTENT, object, pageOf, toPage } from './wire.ts';

const URL = '/api/gridmoor/dead-letters';
const tag = 'dead letters';
/** Letters of one request that run again at once; those of one originator run in turn all the same. */
const AT_ONCE = 32;

const filterFields = {
  chain: optional(text('Only of this chain.')),
  node: optional(text('Only of the node of this name.')),
  device: optional(text('Only of this device: name or id.')),
  reason: optional(text('Only with this text in the reason, whatever its case.')),
};
const fromStart = {
  fromStart: flag('Not from its node on, but from the first node of the chain that it enters.', { default: false }),
};
const retryFields = {
  ...filterFields,
  ...fromStart,
  until: optional(
    integer(
      'Only letters up to this time, ms since 1970; the time of the request when left out. Also those of a time that is yet to come: their clock was ahead.',
    ),
  ),
  limit: integer('Letters to try at most.', { minimum: 1, maximum: 1000, default: 100 }),
};
const id = { id: text('Id of the dead letter.') };

const string = { type: 'string' } as const;
const integerSchema = { type: 'integer' } as const;
const letter = {
  id: string,
  at: integerSchema,
  originator: object({ entityType: string, id: string, name: string }),
  chain: string,
  node: string,
  reason: string,
  msgType: string,
  retries: integerSchema,
} as const;

function toLine({ originator, originatorName, metadata: _, data: __, sealed: ___, ...line }: DeadLetter) {
  return { ...line, originator: { ...originator, name: originatorName } };
}

/** Messages that chains could not finish: looked at, tried again, forgotten. */
export function deadLetterRoutes(deps: AdminDeps): readonly Route[] {
  const { deadLetters, audit } = deps.storage;
  const note = (action: string, by: string, subject: string, outcome: string): Promise<void> =>
    audit.append({ at: deps.clock.now(), action, by, subject, outcome });
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Messages that a chain could not finish, newest first, without their data.',
      role: 'read-only',
      query: { ...filterFields, ...pageFields },
      answer: pageOf(object(letter)),
      async handle({ query: { page, pageSize, ...filter } }) {
        return toPage(await deadLetters.list({ ...(await filterOf(filter, deps)), page, pageSize }), toLine);
      },
    }),
    defineRoute({
      method: 'GET',
      url: `${URL}/:id`,
      tag,
      summary: 'One dead letter with metadata and data. Secrets are redacted; another try has them nevertheless.',
      role: 'read-only',
      params: id,
      answer: object({ ...letter, metadata: ANY_OBJECT, data: {} }),
      async handle({ params }) {
        const found = await deadLetters.get(params.id);
        if (!found) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return { ...toLine(found), metadata: found.metadata, data: found.data };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/retry`,
      tag,
      summary:
        'Runs a dead letter again in the chains in force, from its node on, or as it then was from the start. The letter goes with the outcome; a message that fails again is a letter with one try more.',
      role: 'operator',
      params: id,
      query: fromStart,
      answer: object({ outcome: { enum: ['processed', 'dead-lettered', 'under-way'] } }),
      async handle({ params, query, by }) {
        const outcome = accepted(await deps.retryLetter(params.id, query.fromStart));
        await note('dead-letter.retry', by, `dead-letter:${params.id}`, outcome);
        return { outcome };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/retry`,
      tag,
      summary:
        'Runs all dead letters of a filter again, the oldest first, up to a limit; `left` are those that it did not come to.',
      role: 'operator',
      body: retryFields,
      answer: object({
        until: integerSchema,
        tried: integerSchema,
        processed: integerSchema,
        deadLettered: integerSchema,
        left: integerSchema,
      }),
      async handle({ body: { limit, until: given, fromStart: anew, ...filter }, by }) {
        const now = deps.clock.now();
        const until = given ?? now;
        const bounds = { until, now, oldestFirst: true, page: 0, pageSize: limit };
        const page = await deadLetters.list({ ...(await filterOf(filter, deps)), ...bounds });
        const outcomes = await retryAll(page.data, anew, deps);
        const count = (outcome: LetterRetry): number => outcomes.filter((one) => one === outcome).length;
        const [processed, deadLettered] = [count('processed'), count('dead-lettered')];
        const tried = processed + deadLettered;
        await note('dead-letter.retry', by, 'dead-letters', `${processed} processed, ${deadLettered} dead-lettered`);
        return { until, tried, processed, deadLettered, left: page.totalElements - tried - count('unknown') };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag,
      summary: 'Forgets a dead letter.',
      role: 'operator',
      params: id,
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        if (!(await deadLetters.remove(params.id))) throw new BrokerError('NOT_FOUND', { field: 'id' });
        await note('dead-letter.delete', by, `dead-letter:${params.id}`, 'deleted');
      },
    }),
  ];
}

async function filterOf(
  { device, ...filter }: Config<typeof filterFields>,
  deps: AdminDeps,
): Promise<DeadLetterFilter> {
  const originator = device === undefined ? {} : { originator: await originatorOf(device, deps) };
  // An absent member does not narrow; an undefined one is absent.
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...originator };
}

const originatorOf = async (device: string, deps: AdminDeps) =>
  ({ entityType: 'DEVICE', id: await deviceIdOf(device, deps) }) as const;

/** In their order, the oldest first: so messages of one device run as they came. */
async function retryAll(
  letters: readonly DeadLetter[],
  anew: boolean,
  deps: AdminDeps,
): Promise<readonly LetterRetry[]> {
  const outcomes: LetterRetry[] = [];
  for (let at = 0; at < letters.length; at += AT_ONCE) {
    const part = letters.slice(at, at + AT_ONCE);
    outcomes.push(...(await Promise.all(part.map(({ id: letterId }) => deps.retryLetter(letterId, anew)))));
  }
  return outcomes;
}

function accepted(outcome: LetterRetry): 'processed' | 'dead-lettered' | 'under-way' {
  switch (outcome) {
    case 'processed':
    case 'dead-lettered':
    case 'under-way':
      return outcome;
    case 'unknown':
      throw new BrokerError('NOT_FOUND', { field: 'id' });
    case 'busy':
      throw new BrokerError('QUEUE_FULL');
    case 'failed':
      throw new BrokerError('STORE_UNAVAILABLE');
    case 'unreadable':
      throw new BrokerError('STORE_CORRUPT', {
        detail: 'The message of this letter cannot be read: it cannot be tried.',
      });
  }
}
