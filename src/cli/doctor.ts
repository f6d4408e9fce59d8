import { type Config, loadConfig } from '../config/index.ts';
import { loadProfiles } from '../profiles/index.ts';
import { loadChains } from '../rules/index.ts';
import { formatIssue, type Issue } from '../schema/issue.ts';
import { urlFlag } from './client.ts';
import { defineCommand } from './command.ts';
import { checkDataDir, checkDescriptors, checkKeyFiles, checkNode, type Finding } from './doctor-checks.ts';
import { checkPort, configuredPorts } from './doctor-ports.ts';
import { checkStore } from './doctor-store.ts';
import { single } from './frame.ts';
import { EXIT, type Io } from './io.ts';
import { cleanText, printJson } from './table.ts';

const TIMEOUT_MS = 3_000;

export const run = single(
  defineCommand({
    name: 'doctor',
    summary:
      'Looks for trouble: configuration, files, rights, space, ports, the running instance. Each line says the repair.',
    flags: urlFlag,
    notes: 'Exit code 1 when a line says fail.',
    examples: ['gridmoor doctor', 'gridmoor doctor --json'],
    async run({ json, url }, _args, io) {
      const findings = await examine(io, url);
      if (json) printJson(io, { findings });
      else for (const finding of findings) io.stdout.write(`${lineOf(finding)}\n`);
      return findings.some(({ level }) => level === 'fail') ? EXIT.findings : EXIT.fine;
    },
  }),
);

async function examine(io: Io, url: string | undefined): Promise<Finding[]> {
  const loaded = await loadConfig({ env: io.env, cwd: io.cwd });
  const node = checkNode();
  if (!loaded.ok) return [node, ...fromIssues('configuration', loaded.issues, '')];
  const { config, warnings } = loaded;
  const instance = await checkInstance(url ?? io.env.GRIDMOOR_URL ?? urlOf(config));
  const ports = await Promise.all(configuredPorts(config).map((use) => checkPort(use, instance.running)));
  const chains = await loadChains(config.files.chainsDir);
  const profiles = await loadProfiles(config.files.profilesDir, {
    env: io.env,
    ...(chains.ok ? { chainName: chains.generation.chainName } : {}),
  });
  return [
    node,
    ...fromIssues('configuration', warnings, 'valid'),
    ...checkDataDir(config.files.dataDir),
    ...checkKeyFiles(config.files.dataDir),
    ...(await checkStore(config, instance.running)),
    ...fromIssues('device profiles', profiles.ok ? profiles.warnings : profiles.issues, config.files.profilesDir),
    ...fromIssues('rule chains', chains.ok ? chains.generation.warnings : chains.issues, config.files.chainsDir),
    checkDescriptors(config),
    ...ports,
    instance.finding,
  ];
}

function fromIssues(check: string, issues: readonly Issue[], fine: string): Finding[] {
  if (issues.length === 0) return [{ check, level: 'ok', found: fine }];
  return issues.map((issue) => {
    const { hint, ...rest } = issue;
    const repair = hint ?? 'correct the file';
    return { check, level: issue.level === 'error' ? 'fail' : 'warn', found: formatIssue(rest), repair };
  });
}

interface Instance {
  readonly running: boolean;
  readonly finding: Finding;
}

async function checkInstance(url: string): Promise<Instance> {
  const check = 'instance';
  const health = await ask(`${url}/healthz`);
  if (health?.body.status !== 'up') {
    const found = health ? `${url} answers, but is not gridmoor` : `none answers at ${url}`;
    const repair = 'npx gridmoor serve, or name it with --url or GRIDMOOR_URL';
    return { running: false, finding: { check, level: 'warn', found, repair } };
  }
  const ready = await ask(`${url}/readyz`);
  const checks: readonly unknown[] = Array.isArray(ready?.body.checks) ? ready.body.checks : [];
  const problems = checks.flatMap((one) => problemOf(one)).join('; ');
  if (ready?.body.ready === true) {
    if (problems === '') return { running: true, finding: { check, level: 'ok', found: `${url} is ready` } };
    const repair = 'mend the files: the instance serves with the former ones until then';
    return { running: true, finding: { check, level: 'warn', found: `${url} is ready, but ${problems}`, repair } };
  }
  const found = `${url} is not ready${problems ? `: ${problems}` : ''}`;
  return { running: true, finding: { check, level: 'fail', found, repair: 'see the log of the instance' } };
}

function problemOf(check: unknown): string[] {
  const { name, problem } = (check ?? {}) as { name?: unknown; problem?: unknown };
  return typeof problem === 'string' ? [`${String(name)}: ${problem}`] : [];
}

async function ask(url: string): Promise<{ readonly body: Readonly<Record<string, unknown>> } | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const body: unknown = await response.json().catch(() => undefined);
    return { body: body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {} };
  } catch {
    return undefined;
  }
}

function urlOf({ http }: Config): string {
  const everywhere = http.bindAddress === '0.0.0.0' || http.bindAddress === '::';
  const host = everywhere ? '127.0.0.1' : http.bindAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${http.bindPort}`;
}

function lineOf({ check, level, found, repair }: Finding): string {
  const text = `${check}: ${found}${repair ? ` -> ${repair}` : ''}`.replaceAll('\n', '; ');
  return `${level.padEnd(4)}  ${cleanText(text)}`;
}
