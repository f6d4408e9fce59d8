import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/index.ts';

const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll('\\\n', ' ');
const lines = (word: string): string[] =>
  dockerfile.split('\n').flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly build: string;
  readonly ports: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

describe('Dockerfile', () => {
  it('copies only what is there', () => {
    const sources = lines('COPY').flatMap((copy) => (copy.startsWith('--from=') ? [] : copy.split(' ').slice(0, -1)));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) expect(existsSync(source), source).toBe(true);
  });

  it('copies out of the build only what the build makes or was given', () => {
    const made = ['/app/package.json', '/app/node_modules', '/app/dist'];
    const taken = lines('COPY').filter((copy) => copy.startsWith('--from=build'));
    expect(taken.map((copy) => copy.split(' ')[1])).toEqual(made);
  });

  it('runs as a user that is not root, behind a health check whose script is in the image', () => {
    expect(lines('USER')).toEqual(['node']);
    const command = /CMD (\[.*\])/.exec(lines('HEALTHCHECK')[0] ?? '')?.[1] ?? '[]';
    expect(JSON.parse(command)).toEqual(['node', 'scripts/healthcheck.js']);
    expect(lines('COPY')).toContain('scripts/healthcheck.js ./scripts/healthcheck.js');
  });

  it('starts what package.json names as its program, as npm start does', () => {
    const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const command = JSON.parse(lines('ENTRYPOINT')[0] ?? '') as string[];
    expect(command.at(-1)).toBe(bin.gridmoor);
    expect([...command, 'serve'].join(' ')).toBe(scripts.start);
  });
});

describe('compose.yaml', () => {
  const compose = parse(readFileSync('compose.yaml', 'utf8')) as Compose;
  const broker = compose.services.broker;

  it('gives the broker a configuration that is valid', async () => {
    const loaded = await loadConfig({ env: broker?.environment ?? {}, cwd: process.cwd() });
    expect(loaded).toMatchObject({ ok: true });
  });

  it('mounts folders that are there and volumes it declares', () => {
    expect(existsSync(`${broker?.build}/Dockerfile`)).toBe(true);
    for (const mount of broker?.volumes ?? []) {
      const [source = ''] = mount.split(':');
      expect(source.startsWith('./') ? existsSync(source) : source in compose.volumes, source).toBe(true);
    }
  });

  it('opens the management API to this host only', () => {
    expect(broker?.ports).toContain('127.0.0.1:8080:8080');
    expect(broker?.ports.filter((port) => port.endsWith(':8080'))).toHaveLength(1);
  });
});
