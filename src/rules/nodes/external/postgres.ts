import type { Pool } from 'pg';
import { ExactNumber, type JsonValue, stringifyJson } from '../../../model/json.ts';
import type { Msg } from '../../../model/msg.ts';
import { flag, integer, json, oneOf, optional, text, texts } from '../../../schema/fields.ts';
import { type SecretRef, secretRefSchema } from '../../../schema/secret-ref.ts';
import { defineNode } from '../../node-kind.ts';
import { Link, Places } from '../../outside/index.ts';
import { compileJson } from '../../template.ts';

export const postgres = defineNode({
  kind: 'external/postgres',
  version: 0,
  summary:
    'Writes one row into a table of PostgreSQL or TimescaleDB; the message goes on by Success when it is committed. Values are bound, never written into the statement. Secrets cannot be used.',
  since: '0.2.0',
  outside: true,
  fields: {
    host: text('Host name or address.', { minLength: 1 }),
    port: integer('Port.', { default: 5432, minimum: 1, maximum: 65_535 }),
    database: text('Database.', { minLength: 1 }),
    user: text('User.', { minLength: 1 }),
    password: optional(json<SecretRef>('Password.', secretRefSchema('unset, the chains are refused'))),
    ssl: flag('Whether the connection is encrypted, and the certificate checked.', { default: false }),
    table: text('Table, with its schema before a dot if it has one.', {
      pattern: '^[^.\\0]{1,63}(\\.[^.\\0]{1,63})?$',
      examples: ['readings'],
    }),
    columns: json<Readonly<Record<string, unknown>>>(
      'Value of each column, with placeholders; a text that is one placeholder keeps the type of its value, and objects become JSON.',
      { type: 'object', minProperties: 1, maxProperties: 200 },
    ),
    timeColumn: optional(
      text('Column that takes the time of the message, as timestamp with time zone.', { minLength: 1 }),
    ),
    onConflict: oneOf(
      'What happens to a row that is there already: an error, left alone, or replaced.',
      ['error', 'ignore', 'update'],
      {
        default: 'error',
      },
    ),
    conflictColumns: texts('Columns of the unique index that tells whether a row is there.', { default: [] }),
    maxConnections: integer('Connections at most.', { default: 4, minimum: 1, maximum: 100 }),
    maxInFlight: integer('Rows under way at most; more messages fail.', {
      default: 1_000,
      minimum: 1,
      maximum: 100_000,
    }),
    timeoutMs: integer('Time for a row, ms.', { default: 8_000, minimum: 100, maximum: 60_000 }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'A reading becomes a row of a hypertable; a repeat changes nothing',
      config: {
        host: 'db.example',
        database: 'grid',
        user: 'gridmoor',
        password: { env: 'GRID_DB_PASSWORD' },
        ssl: true,
        table: 'readings',
        timeColumn: 'time',
        columns: { device: '${deviceName}', power: '$[power]' },
        onConflict: 'ignore',
        conflictColumns: ['time', 'device'],
      },
      msg: { data: { power: 230 }, metadata: { deviceName: 'meter-1' } },
      goesTo: 'Success',
    },
  ],
  *lint({ columns, timeColumn, onConflict, conflictColumns, password, ssl }) {
    const known = new Set([...Object.keys(columns), ...(timeColumn === undefined ? [] : [timeColumn])]);
    if (timeColumn !== undefined && Object.hasOwn(columns, timeColumn)) {
      yield { at: '/timeColumn', problem: `the column "${timeColumn}" has a value in columns too` };
    }
    if (onConflict === 'update' && conflictColumns.length === 0) {
      yield { at: '/conflictColumns', problem: 'which row is replaced must be said', hint: 'name the unique columns' };
    }
    for (const [index, column] of conflictColumns.entries()) {
      if (!known.has(column))
        yield { at: `/conflictColumns/${index}`, problem: `the column "${column}" gets no value` };
    }
    if (password !== undefined && !ssl) {
      const problem = 'the connection is not encrypted: whoever is on the way can read it';
      yield { at: '/ssl', problem, hint: 'set "ssl": true', level: 'warning' };
    }
  },
  create(config, loader) {
    const values = Object.values(config.columns).map(compileJson);
    const places = new Places(config.maxInFlight);
    const password = config.password === undefined ? undefined : loader.secret(config.password);
    const statement = insertOf(config);
    const link = new Link<Pool>(
      async () => {
        const { default: pg } = await import('pg');
        const pool = new pg.Pool({
          host: config.host,
          port: config.port,
          database: config.database,
          user: config.user,
          ...(password ? { password: password.reveal() } : {}),
          ssl: config.ssl,
          max: config.maxConnections,
          connectionTimeoutMillis: config.timeoutMs,
          query_timeout: config.timeoutMs,
          statement_timeout: config.timeoutMs,
        });
        // An idle connection that breaks is replaced by the pool; what is under way hears of it by its own promise.
        pool.on('error', () => {});
        return pool;
      },
      (pool) => pool.end(),
    );
    return {
      onMsg: (msg) =>
        places.with(async () => {
          const bound = values.map((value) => toParameter(value(msg)));
          if (config.timeColumn !== undefined) bound.push(new Date(timeOf(msg)).toISOString());
          const pool = await link.get();
          await pool.query({ name: statement.name, text: statement.text, values: bound });
          return { relation: 'Success' as const, msg };
        }),
      close: () => link.close(),
    };
  },
});

interface InsertParts {
  readonly table: string;
  readonly columns: Readonly<Record<string, unknown>>;
  readonly timeColumn: string | undefined;
  readonly onConflict: 'error' | 'ignore' | 'update';
  readonly conflictColumns: readonly string[];
}

function insertOf({ table, columns, timeColumn, onConflict, conflictColumns }: InsertParts) {
  const names = [...Object.keys(columns), ...(timeColumn === undefined ? [] : [timeColumn])];
  const into = `${table.split('.').map(quoted).join('.')} (${names.map(quoted).join(', ')})`;
  const places = names.map((_, index) => `$${index + 1}`).join(', ');
  const target = conflictColumns.length > 0 ? ` (${conflictColumns.map(quoted).join(', ')})` : '';
  const rest = names.filter((name) => !conflictColumns.includes(name));
  const update = rest.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ');
  const action = onConflict === 'update' && rest.length > 0 ? `do update set ${update}` : 'do nothing';
  const conflict = onConflict === 'error' ? '' : ` on conflict${target} ${action}`;
  return { name: 'gridmoor-insert', text: `insert into ${into} values (${places})${conflict}` };
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function toParameter(value: JsonValue): string | number | boolean | null {
  if (value instanceof ExactNumber) return value.text;
  if (value !== null && typeof value === 'object') return stringifyJson(value);
  return value;
}

function timeOf({ metadata, ts }: Msg): number {
  const stamped = Number(metadata.ts);
  return metadata.ts !== undefined && Number.isSafeInteger(stamped) ? stamped : ts;
}
