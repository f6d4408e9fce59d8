import { createEntityAccess } from '../../src/device-api/entity-access.ts';
import { type ContextHooks, type ContextParts, MessageContext } from '../../src/device-api/message-context.ts';
import { Sessions } from '../../src/device-api/sessions.ts';
import { createSupplierGuard } from '../../src/device-api/supplier-lookup.ts';
import { WriteFence } from '../../src/device-api/write-fence.ts';
import { newAssetId, newCustomerId } from '../../src/model/ids.ts';
import { type JsonObject, stringifyJson } from '../../src/model/json.ts';
import type { Msg, MsgBody, Originator } from '../../src/model/msg.ts';
import type { AttributeScope } from '../../src/model/telemetry.ts';
import { createLog } from '../../src/observe/index.ts';
import { NO_RULES } from '../../src/profiles/index.ts';
import { createProfileSet } from '../../src/profiles/profile-set.ts';
import { failed } from '../../src/rules/failure.ts';
import type { NodeContext } from '../../src/rules/node-context.ts';
import type { NodeResult } from '../../src/rules/node-kind.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { type EntityWorld, formatEntityName, parseEntityName } from '../../src/rules/test-world.ts';
import { ChangeFeed } from '../../src/telemetry/change-feed.ts';
import { makeNode } from './chain-node.ts';
import { openRooms } from './rooms.ts';

export interface WorldMsg {
  readonly from?: string;
  readonly type?: string;
  readonly ts?: number;
  readonly data?: MsgBody;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The same questions to the world of the offline tests and to that of the broker. Entities go by `formatEntityName`. */
export interface World extends AsyncDisposable {
  /** Runs one node; a failure is a result by `Failure`. Everything it wrote is durable then. */
  run(kind: string, config: object, msg?: WorldMsg): Promise<NodeResult>;
  /** The same node for several messages. */
  node(kind: string, config: object): (msg?: WorldMsg) => Promise<NodeResult>;
  named(text: string): Promise<Originator>;
  attributes(of: string, scope: AttributeScope): Promise<JsonObject>;
  /** `from type to`, of all relations that lead to the entity. */
  relationsTo(of: string): Promise<readonly string[]>;
  owner(of: string): Promise<string | undefined>;
  /** `type originator body` of what nodes raised. */
  events(): readonly string[];
  readonly now: number;
}

type Run = (msg: Msg, act: (context: NodeContext) => NodeResult | Promise<NodeResult>) => Promise<NodeResult>;
type Base = Omit<World, 'run' | 'node'>;

export const WORLDS: Readonly<Record<string, (given?: EntityWorld) => Promise<World>>> = {
  'offline tests': async (given = {}) => offline(given),
  broker: (given = {}) => broker(given),
};

function worldOf(base: Base, run: Run): World {
  let serial = 0;
  const node = (kind: string, config: object) => {
    const made = makeNode(kind, config);
    return async ({
      from = 'meter-1',
      type = 'POST_TELEMETRY_REQUEST',
      ts,
      data = {},
      metadata = {},
    }: WorldMsg = {}) => {
      const originator = await base.named(from);
      const msg: Msg = { id: `m${++serial}`, ts: ts ?? base.now, type, originator, metadata, data };
      return run(msg, (context) => made.run(msg, context));
    };
  };
  return { ...base, node, run: (kind, config, msg) => node(kind, config)(msg) };
}

async function caught(msg: Msg, act: () => NodeResult | Promise<NodeResult>): Promise<NodeResult> {
  try {
    return await act();
  } catch (error) {
    return failed(msg, error);
  }
}

function offline(given: EntityWorld): World {
  const context = createTestContext(given);
  const base: Base = {
    named: async (text) => context.named(text),
    attributes: async (of, scope) => context.attributes.get(of)?.get(scope) ?? {},
    async relationsTo(of) {
      return context.namedRelations().flatMap(({ from, type, to }) => (to === of ? [`${from} ${type} ${to}`] : []));
    },
    owner: async (of) => context.owners.get(of),
    events() {
      return context.events.map(({ type, originator, data }) => eventText(type, originator, data));
    },
    now: context.now(),
    async [Symbol.asyncDispose]() {},
  };
  return worldOf(base, (msg, act) => caught(msg, () => act(context)));
}

/** What differs from one world to the other is left out. */
function eventText(
  type: string,
  originator: string,
  { id: _, createdTime: __, label: ___, ...data }: JsonObject,
): string {
  const body = type === 'ENTITY_CREATED' ? '' : ` ${stringifyJson(data)}`;
  return `${type} ${originator}${body}`;
}

async function broker(given: EntityWorld): Promise<World> {
  const rooms = await openRooms();
  const { storage, registry, clock } = rooms;
  const fence = new WriteFence();
  const names = ['default', ...(given.devices ?? []).flatMap(({ profile }) => profile ?? [])];
  const profiles = createProfileSet([...new Set(names)].map(profileOf));
  const { assets, customers, attributes, telemetry, audit } = storage;
  const entities = createEntityAccess({
    registry,
    profiles: () => profiles,
    assets,
    customers,
    attributes,
    telemetry,
    audit,
    clock,
    fence,
  });
  const events: string[] = [];
  const parts = {
    telemetry,
    attributes,
    entities,
    fence,
    changes: new ChangeFeed(),
    sessions: new Sessions(),
    clock,
    log: createLog({ level: 'silent' }),
    supplierGuard: createSupplierGuard(),
  } as unknown as ContextParts;

  async function named(text: string): Promise<Originator> {
    const { entityType, name } = parseEntityName(text);
    const found = await entities.findEntity(entityType, name);
    if (found) return found;
    const createdAt = clock.now();
    if (entityType === 'DEVICE') {
      const profile = given.devices?.find((one) => one.name === name)?.profile ?? 'default';
      await registry.create({ name, profile, by: 'test' });
    } else if (entityType === 'ASSET') {
      const type = given.assets?.find((one) => one.name === name)?.type ?? 'default';
      await assets.ensureAsset({ id: newAssetId(createdAt), type, name, createdAt });
    } else await customers.ensureCustomer({ id: newCustomerId(createdAt), title: name, createdAt });
    return named(text);
  }

  for (const { name, customer } of given.devices ?? []) await seed(name, customer);
  for (const { name, customer } of given.assets ?? []) await seed(`ASSET ${name}`, customer);
  for (const title of given.customers ?? []) await named(`CUSTOMER ${title}`);
  for (const { from, type, to } of given.relations ?? []) {
    await assets.addRelation({ from: await named(from), type, to: await named(to) });
  }
  for (const [of, scopes] of Object.entries(given.attributes ?? {})) {
    const entityId = (await named(of)).id;
    for (const [scope, values] of Object.entries(scopes)) {
      await attributes.save({ entityId, scope: scope as AttributeScope, values, ts: clock.now(), onlyOnChange: false });
    }
  }
  for (const [of, samples] of Object.entries(given.telemetry ?? {})) {
    const entityId = (await named(of)).id;
    for (const { ts, values } of samples) await telemetry.save({ entityId, ts, values });
  }

  async function seed(text: string, customer: string | undefined): Promise<void> {
    const entity = await named(text);
    if (customer === undefined) return;
    const owner = await named(`CUSTOMER ${customer}`);
    await entities.giveToCustomer(entity, owner, 'test');
  }

  const base: Base = {
    named,
    async attributes(of, scope) {
      const found = await attributes.read((await named(of)).id, scope);
      return Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
    },
    async relationsTo(of) {
      const found = await assets.relationsTo(await named(of));
      const lines = await Promise.all(
        found.map(async ({ from, type }) => {
          const end = await entities.entity(from);
          return `${end ? formatEntityName(end) : '?'} ${type} ${of}`;
        }),
      );
      return lines.sort();
    },
    async owner(of) {
      return (await entities.customerOf(await named(of)))?.name;
    },
    events: () => events,
    now: clock.now(),
    [Symbol.asyncDispose]: () => rooms[Symbol.asyncDispose](),
  };
  return worldOf(base, async (msg, act) => {
    const hooks: ContextHooks = {
      resume() {},
      raise: ({ type, originator, data }) => void events.push(eventText(type, formatEntityName(originator), data)),
      store: async () => undefined,
    };
    const context = new MessageContext(parts, hooks, msg);
    const result = await caught(msg, () => act(context));
    await context.commit();
    context.runEffects();
    await new Promise((resolve) => setImmediate(resolve));
    return result;
  });
}

const profileOf = (name: string) => ({
  name,
  provision: { strategy: 'disabled', onExisting: 'reject', rules: NO_RULES } as const,
  transport: 'default' as const,
  topics: {},
  sendAckOnValidationException: false,
  typeCast: false,
  retention: {},
  limits: {},
});
