import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { newDevice } from '../helpers/system.ts';
import { requireTool } from '../helpers/tools.ts';

const exec = promisify(execFile);
const main = resolve('dist/main.js');
const CHAIN = 'rule-chains/onboarding.json';
const TESTS = 'rule-chains/onboarding.test.json';

interface Block {
  readonly language: string;
  readonly text: string;
}

/** `sh` is typed, what has no language is what it prints, `json` is what the reader puts into the files. */
const blocks: readonly Block[] = [
  ...readFileSync('docs/rule-chains.md', 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms),
].map(([, language = '', text = '']) => ({ language, text }));

/** A checkout as the reader has it: the files, committed, and nothing else. */
function checkout(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gridmoor-guide-'));
  for (const folder of ['rule-chains', 'device-profiles']) cpSync(folder, join(path, folder), { recursive: true });
  symlinkSync(resolve('docs'), join(path, 'docs'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=reader', '-c', 'user.email=reader@example.org', ...args], { cwd: path });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-q', '-m', 'as it came');
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

interface ChainFile {
  nodes: Record<string, object>;
}

interface TestFile {
  cases: { name: string; then: { path?: unknown } }[];
}

/** A block of nodes goes into the chain, a case to the end of its tests, a path into the case that the page speaks of. */
function edit(folder: string, text: string): void {
  const change = <T>(file: string, by: (content: T) => void): void => {
    const content = JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
    by(content);
    writeFileSync(join(folder, file), `${JSON.stringify(content, null, 2)}\n`);
  };
  if (text.startsWith('"path"')) {
    const { path } = JSON.parse(`{${text}}`) as { path: unknown };
    change<TestFile>(TESTS, ({ cases }) => {
      const found = cases.find(({ name }) => name === 'telemetry is stored as it came');
      expect(found?.then.path).toBeDefined();
      Object.assign(found?.then ?? {}, { path });
    });
  } else if (text.startsWith('{')) {
    change<TestFile>(TESTS, ({ cases }) => cases.push(JSON.parse(text)));
  } else {
    change<ChainFile>(CHAIN, ({ nodes }) => Object.assign(nodes, JSON.parse(`{${text}}`)));
  }
}

/** Times, ids and the width of columns are never the same twice; headers of tables are for terminals alone. */
const general = (text: string): string[] =>
  text
    .replace(/^[A-Z]+(?: +[A-Z]+){2,}\n/gm, '')
    .replace(/^ +\d+: /gm, ' N: ')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\d+(\.\d+)? ms/g, 'N ms')
    .replace(/\b[0-9a-f]{12}\b/g, 'GENERATION')
    .replace(/\b[\w-]+-m[0-9a-z]{7}-[0-9a-z]+\b/g, 'MESSAGE')
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .trim()
        .split(/\t| {2,}/)
        .join(' '),
    );

/** Lines of the page in what was printed, in order; `…` stands for any others. */
function expectPrinted(printed: string, page: string): void {
  const pattern = general(page).map((line) => (line === '…' ? '(?:.*\\n)*?' : `${quoted(line)}\\n`));
  const text = `${general(printed).join('\n')}\n`;
  if (!new RegExp(`^${pattern.join('')}$`).test(text)) expect(text).toBe(`${general(page).join('\n')}\n`);
}

const quoted = (line: string): string => line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*');

// Some thirty commands, one process each: on a busy machine they take minutes.
it('the guide to rule chains, typed from its first line to its last', async () => {
  requireTool('mosquitto_pub');
  using folder = checkout();
  await using broker = await startBroker({ chainsDir: join(folder.path, 'rule-chains') });
  const TOKEN = await newDevice(broker, 'meter-1');
  const env = {
    PATH: process.env.PATH,
    GRIDMOOR_URL: broker.url,
    GRIDMOOR_ADMIN_KEY: broker.adminKey,
    TOKEN,
    COLUMNS: '120',
  };
  const asTyped = (text: string): string =>
    text.replaceAll('npx gridmoor', `node ${main}`).replaceAll('-h 127.0.0.1', `-h 127.0.0.1 -p ${broker.ports.mqtt}`);
  let recording: ChildProcess | undefined;
  for (const [index, { language, text }] of blocks.entries()) {
    if (language === 'json') edit(folder.path, text);
    if (language !== 'sh') continue;
    if (text.includes('gridmoor record')) {
      recording = spawn('bash', ['--norc', '-c', asTyped(text)], { cwd: folder.path, env, stdio: 'ignore' });
      await expect.poll(() => sizeOf(join(folder.path, 'traffic.ndjson')), { timeout: 15_000 }).toBeGreaterThan(0);
      continue;
    }
    if (text.includes('mosquitto_pub')) await inForce(broker, folder.path);
    // Findings end with 1: what is printed says whether that was meant.
    const typed = await exec('bash', ['--norc', '-c', asTyped(text)], { cwd: folder.path, env }).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const next = blocks[index + 1];
    if (next?.language === '') expectPrinted(typed.stdout + typed.stderr, next.text);
    if (recording && text.includes('mosquitto_pub')) {
      await once(recording, 'exit');
      recording = undefined;
    }
  }
}, 240_000);

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** Waits until the broker has the chain of the file, as a reader who types has no need to. */
async function inForce(broker: Broker, folder: string): Promise<void> {
  const headers = { 'X-Authorization': `ApiKey ${broker.adminKey}` };
  const nodes = Object.keys((JSON.parse(readFileSync(join(folder, CHAIN), 'utf8')) as ChainFile).nodes);
  await expect
    .poll(
      async () => {
        const counters = await fetch(`${broker.url}/api/gridmoor/chains/onboarding/counters`, { headers });
        return ((await counters.json()) as { nodes: { node: string }[] }).nodes.map(({ node }) => node);
      },
      { timeout: 15_000 },
    )
    .toEqual(nodes);
}
