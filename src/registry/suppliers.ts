import { randomBytes } from 'node:crypto';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Page, PageQuery } from '../model/entity.ts';
import { type AssetId, newAssetId } from '../model/ids.ts';
import { type KeyedHash, sameHash } from '../model/keyed-hash.ts';
import { Secret } from '../model/secret.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import type { Supplier, SupplierKey, SupplierStore } from '../storage/supplier-store.ts';
import { nameProblem } from './registry.ts';

/** Customers' own keys below this length are refused: a guessable key gives away every supply point (cups.md 8). */
const MIN_OWN_KEY = 20;
const MAX_KEY = 512;
const MIN_DIFFERENT = 6;
const CONTROLS = /\p{Cc}/u;

export interface SupplierFound {
  readonly id: AssetId;
  readonly name: string;
  readonly kid: string;
}

/** Power suppliers and their secret keys. A key in clear is given out once, when it is made. */
export interface Suppliers {
  /** Throws NAME_TAKEN, BAD_REQUEST. @param ownKey the customer's own key instead of a made one. */
  create(
    name: string,
    by: string,
    ownKey?: Secret,
  ): Promise<{ readonly supplier: Supplier; readonly secretKey: Secret }>;
  /** Unknown, revoked and expired keys are one answer, in one time. */
  findByKey(key: Secret): Promise<SupplierFound | undefined>;
  supplier(id: AssetId): Promise<Supplier | undefined>;
  supplierByName(name: string): Promise<Supplier | undefined>;
  list(query: PageQuery): Promise<Page<Supplier>>;
  /** A new key; former ones work `graceMs` longer (0 = stop at once). Attachments stay. */
  rotate(id: AssetId, graceMs: number, by: string): Promise<Secret>;
  /** Throws SUPPLIER_NOT_FOUND, SUPPLIER_IN_USE while devices are attached. */
  remove(id: AssetId, by: string): Promise<void>;
}

export interface SuppliersParts {
  readonly store: SupplierStore;
  readonly audit: AuditStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

export function createSuppliers({ store, audit, hash, clock }: SuppliersParts): Suppliers {
  const newKid = (): string => randomBytes(4).toString('hex');
  const newKey = (kid: string): Secret => new Secret(`gms_${kid}_${randomBytes(32).toString('base64url')}`);
  const toKey = (kid: string, key: Secret, now: number): SupplierKey => ({
    kid,
    hash: hash.hash('supplier-key', key.reveal()),
    notBefore: now,
  });
  const mustFind = async (id: AssetId): Promise<Supplier> => {
    const supplier = await store.supplier(id);
    if (!supplier) throw new BrokerError('SUPPLIER_NOT_FOUND', { supplier: id });
    return supplier;
  };
  return {
    async create(rawName, by, ownKey) {
      const name = rawName.trim();
      const problem = nameProblem(name);
      if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
      if (ownKey && (ownKey.reveal().length < MIN_OWN_KEY || ownKey.reveal().length > MAX_KEY)) {
        const detail = `a key of your own needs ${MIN_OWN_KEY} to ${MAX_KEY} characters`;
        throw new BrokerError('BAD_REQUEST', { field: 'secretKey', detail });
      }
      if (ownKey && (CONTROLS.test(ownKey.reveal()) || new Set(ownKey.reveal()).size < MIN_DIFFERENT)) {
        const detail = `a key of your own must be one line with at least ${MIN_DIFFERENT} different characters`;
        throw new BrokerError('BAD_REQUEST', { field: 'secretKey', detail });
      }
      const now = clock.now();
      const kid = newKid();
      const secretKey = ownKey ?? newKey(kid);
      const supplier: Supplier = {
        asset: { id: newAssetId(now), type: 'PowerSupplier', name, createdAt: now },
        keys: [toKey(kid, secretKey, now)],
      };
      const result = await store.createSupplier(supplier);
      if (result === 'name-taken') throw new BrokerError('NAME_TAKEN', { field: 'name', name });
      if (result === 'key-taken') {
        throw new BrokerError('BAD_REQUEST', { field: 'secretKey', detail: 'this key cannot be used: choose another' });
      }
      const subject = `supplier:${supplier.asset.id}`;
      await audit.append({ at: now, action: 'supplier.create', by, subject, outcome: 'created', facts: { name, kid } });
      return { supplier, secretKey };
    },

    async findByKey(key) {
      // The hash is the index: the look-up is O(1) and carries no byte of the key; the digests are then compared in constant time.
      const given = hash.hash('supplier-key', key.reveal().slice(0, MAX_KEY + 1));
      const match = await store.supplierByKey(given);
      // From when it stands there it works: the clock of the broker that made it may be ahead of this one's.
      const valid =
        sameHash(match?.key.hash ?? '0'.repeat(64), given) &&
        match !== undefined &&
        (match.key.notAfter === undefined || clock.now() < match.key.notAfter);
      return valid ? { id: match.supplier.asset.id, name: match.supplier.asset.name, kid: match.key.kid } : undefined;
    },

    supplier: (id) => store.supplier(id),
    supplierByName: (name) => store.supplierByName(name),
    list: (query) => store.suppliers(query),

    async rotate(id, graceMs, by) {
      const supplier = await mustFind(id);
      const now = clock.now();
      const kid = newKid();
      const secretKey = newKey(kid);
      const until = now + graceMs;
      const kept = supplier.keys
        .filter((key) => graceMs > 0 && (key.notAfter === undefined || key.notAfter > now))
        .map((key) => ({ ...key, notAfter: Math.min(key.notAfter ?? until, until) }));
      const result = await store.setKeys(id, [...kept, toKey(kid, secretKey, now)]);
      if (result !== 'set') throw new BrokerError('SUPPLIER_NOT_FOUND', { supplier: id });
      const facts = { kid, graceMs };
      await audit.append({
        at: now,
        action: 'supplier.rotate',
        by,
        subject: `supplier:${id}`,
        outcome: 'rotated',
        facts,
      });
      return secretKey;
    },

    async remove(id, by) {
      await mustFind(id);
      const result = await store.deleteSupplier(id);
      if (result === 'unknown-supplier') throw new BrokerError('SUPPLIER_NOT_FOUND', { supplier: id });
      if (result === 'in-use') {
        const detail = 'devices are attached to this supplier: move or end their attachments first';
        throw new BrokerError('SUPPLIER_IN_USE', { supplier: id, detail });
      }
      const now = clock.now();
      await audit.append({ at: now, action: 'supplier.delete', by, subject: `supplier:${id}`, outcome: 'deleted' });
    },
  };
}
