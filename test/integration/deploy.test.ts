import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: { readonly query: string } }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

/** What Prometheus itself makes. */
const OF_PROMETHEUS = new Set(['up']);

describe('deploy/monitoring', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const rules = parse(readFileSync('deploy/monitoring/gridmoor.rules.yaml', 'utf8')) as {
    groups: readonly { rules: readonly Rule[] }[];
  };
  const dashboard = JSON.parse(readFileSync('deploy/monitoring/gridmoor.dashboard.json', 'utf8')) as Dashboard;
  const expressions = [
    ...rules.groups.flatMap(({ rules: ofGroup }) =>
      ofGroup.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
    ),
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel ${title}`, expr] as const)),
    ...dashboard.templating.list.map(({ query }) => ['variable', query.query] as const),
    ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr] as const),
  ];
  const metrics = async (): Promise<string> => (await fetch(`${broker.url}/metrics`)).text();

  it.each(expressions)('%s asks for metrics that the broker has: %s', async (_where, expr) => {
    const types = new Set([...(await metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const named = expr.match(/\b(?:gridmoor|nodejs|process)_\w+|\bup\b/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(types.has(name) || OF_PROMETHEUS.has(name), name).toBe(true);
  });

  it('labels that expressions choose by are ones that the broker gives', async () => {
    const body = await metrics();
    const chosen = expressions.flatMap(([, expr]) => [
      ...expr.matchAll(/(gridmoor_\w+)\{[^}]*?\b(outcome|check)="([^"]+)"/g),
    ]);
    expect(chosen.length).toBeGreaterThan(2);
    for (const [, name, label, value] of chosen) expect(body).toContain(`${name}{${label}="${value}"}`);
  });

  it('what expressions add up by is a label of every metric that they add up', async () => {
    await using stranger = await MqttClient.open({ port: broker.ports.mqtt, userName: 'token-of-nobody' });
    expect(await stranger.connack()).not.toBe(0);
    const body = await metrics();
    const sums = expressions.flatMap(([, expr]) => [
      ...expr.matchAll(/by \(([^)]+)\) \((?:rate|increase)\((gridmoor_\w+)/g),
    ]);
    expect(sums.length).toBeGreaterThan(5);
    for (const [expr, labels = '', name] of sums) {
      for (const label of labels.split(', ').filter((one) => one !== 'instance'))
        expect(body, expr).toMatch(new RegExp(`^${name}\\{[^}]*\\b${label}="`, 'm'));
    }
  });

  it('rates are taken of counters, levels are gauges', async () => {
    const types = new Map(
      [...(await metrics()).matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name, type]) => [name, type]),
    );
    for (const [where, expr] of expressions) {
      for (const [, rated, name] of expr.matchAll(/(rate\(|increase\()?\b((?:gridmoor|process)_\w+)/g))
        if (rated !== undefined) expect(types.get(name), `${where}: ${name}`).toBe('counter');
        else if (!where.startsWith('variable')) expect(types.get(name), `${where}: ${name}`).toBe('gauge');
    }
  });

  it('every alert says what is the matter and what to do, and the handbook has it', () => {
    const handbook = readFileSync('docs/operations.md', 'utf8');
    for (const rule of rules.groups.flatMap(({ rules: ofGroup }) => ofGroup)) {
      expect(rule).toMatchObject({
        labels: { severity: expect.any(String) },
        annotations: { summary: expect.any(String), action: expect.any(String) },
      });
      expect(handbook).toContain(`\`${rule.alert}\``);
    }
  });

  it('panels do not cover each other', () => {
    const places = dashboard.panels.map(
      (panel) => (panel as unknown as { gridPos: { x: number; y: number; w: number; h: number } }).gridPos,
    );
    const cells = places.flatMap(({ x, y, w, h }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});
