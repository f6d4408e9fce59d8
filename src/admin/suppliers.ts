import { BrokerError } from '../errors.ts';
import type { AssetId } from '../model/ids.ts';
import { Secret } from '../model/secret.ts';
import { integer, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findSupplier, pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { NO_CONTENT, pageOf, SUPPLIER, SUPPLIER_WITH_KEY, toPage, toSupplier } from './wire.ts';

const URL = '/api/gridmoor/suppliers';
const tag = 'suppliers';
const idOrName = { id: text('Id or name of the supplier.') };
const MAX_GRACE_SECONDS = 365 * 86_400;

/** Power suppliers. A key in clear leaves once, in the answer that makes it. */
export function supplierRoutes(deps: AdminDeps): readonly Route[] {
  const { suppliers } = deps;
  const mustFind = async (ref: string): Promise<{ readonly id: AssetId; readonly name: string }> => {
    const supplier = await findSupplier(ref, deps);
    if (!supplier) throw new BrokerError('SUPPLIER_NOT_FOUND', { field: 'id' });
    return supplier.asset;
  };
  return [
    defineRoute({
      method: 'POST',
      url: URL,
      tag,
      summary: 'Creates a supplier; its secret key is shown this once.',
      role: 'administrator',
      body: { name: text('Unique name.'), secretKey: optional(text('A key of your own, 20 to 512 characters.')) },
      status: 201,
      answer: SUPPLIER_WITH_KEY,
      async handle({ body, by }) {
        const own = body.secretKey === undefined ? undefined : new Secret(body.secretKey);
        const { supplier, secretKey } = await suppliers.create(body.name, by, own);
        return { id: supplier.asset.id, name: supplier.asset.name, secretKey: secretKey.reveal() };
      },
    }),
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Lists suppliers by name, with the ids and dates of their keys.',
      role: 'read-only',
      query: pageFields,
      answer: pageOf(SUPPLIER),
      handle: async ({ query }) => toPage(await suppliers.list(query), toSupplier),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/:id/rotate`,
      tag,
      summary: 'Makes a new key, shown this once; the former ones work for the grace period.',
      role: 'administrator',
      params: idOrName,
      body: {
        graceSeconds: integer('How long the former keys go on working; 0 = they stop at once.', {
          minimum: 0,
          maximum: MAX_GRACE_SECONDS,
          default: 0,
        }),
      },
      answer: SUPPLIER_WITH_KEY,
      async handle({ params, body, by }) {
        const { id, name } = await mustFind(params.id);
        const graceMs = body.graceSeconds * 1_000;
        const secretKey = await suppliers.rotate(id, graceMs, by);
        const until = graceMs > 0 ? { previousKeyUntil: deps.clock.now() + graceMs } : {};
        return { id, name, secretKey: secretKey.reveal(), ...until };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: `${URL}/:id`,
      tag,
      summary: 'Deletes a supplier; refused while devices are attached to it.',
      role: 'administrator',
      params: idOrName,
      status: 204,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        await suppliers.remove((await mustFind(params.id)).id, by);
      },
    }),
  ];
}
