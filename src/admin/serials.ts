import { BrokerError } from '../errors.ts';
import type { SerialForm } from '../registry/serial-lists.ts';
import { integer, json, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { defineRoute, type Route } from './route.ts';
import { object } from './wire.ts';

const URL = '/api/gridmoor/profiles/:profile/serials';
const tag = 'serials';
const MAX_SERIALS = 1_000;

const string = { type: 'string' };
const count = { type: 'integer' };
const profileParam = { profile: text('Name of the profile.') };
const serialsBody = {
  serials: json<readonly string[]>('Serials, or SHA-256 of them where the profile has `hashed-serials`.', {
    type: 'array',
    minItems: 1,
    maxItems: MAX_SERIALS,
    items: string,
  }),
};

/** Serials that may get in with a profile. */
export function serialRoutes({ serialLists, profiles }: AdminDeps): readonly Route[] {
  /** A list that is off can be filled before it is switched on. */
  const formOf = (name: string): SerialForm => {
    const profile = profiles().byName(name);
    if (!profile) throw new BrokerError('PROFILE_NOT_FOUND', { field: 'profile' });
    return profile.provision.rules.allowList === 'hashed-serials' ? 'hashed-serials' : 'serials';
  };
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Adds serials that may get in, all or none.',
      role: 'operator',
      params: profileParam,
      body: serialsBody,
      answer: object({ added: count, known: count }),
      async handle({ params: { profile }, body: { serials }, by }) {
        const added = await serialLists.add({ profile, form: formOf(profile), serials, by });
        return { added, known: serials.length - added };
      },
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/remove`,
      tag,
      summary: 'Takes serials off the list; devices that got in already stay.',
      role: 'operator',
      params: profileParam,
      body: serialsBody,
      answer: object({ removed: count }),
      handle: async ({ params: { profile }, body: { serials }, by }) => ({
        removed: await serialLists.remove({ profile, form: formOf(profile), serials, by }),
      }),
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists the serials that may get in, as they are kept.',
      role: 'operator',
      params: profileParam,
      query: {
        after: optional(text('The last serial of the page before.')),
        limit: integer('Most of one page.', { minimum: 1, maximum: MAX_SERIALS, default: 100 }),
      },
      answer: object({ data: { type: 'array', items: string }, totalElements: count, hasNext: { type: 'boolean' } }),
      async handle({ params: { profile }, query: { after, limit } }) {
        const form = formOf(profile);
        const page = { limit: limit + 1, ...(after === undefined ? {} : { after }) };
        const found = await serialLists.list(profile, form, page);
        const totalElements = await serialLists.count(profile, form);
        return { data: found.slice(0, limit), totalElements, hasNext: found.length > limit };
      },
    }),
  ];
}
