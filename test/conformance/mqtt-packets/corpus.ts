import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The packet sequences of the Mosquitto project, beside the repository. */
export const corpusFolder = fileURLToPath(new URL('../../../../shared/corpus/mqtt-packets/', import.meta.url));

export interface Step {
  readonly type: 'send' | 'recv' | 'external_publish';
  readonly payload: string;
  readonly topic?: string;
  readonly qos?: 0 | 1 | 2;
}

export interface Case {
  /** File, group and name, unique in the corpus. */
  readonly id: string;
  readonly version: 3 | 4 | 5;
  /** The runner connects first; otherwise the case brings its own first packet. */
  readonly connect: boolean;
  readonly expectDisconnect: boolean;
  readonly steps: readonly Step[];
}

interface GroupFile {
  readonly group: string;
  readonly ver?: 3 | 4 | 5;
  readonly connect?: boolean;
  readonly tests: readonly {
    readonly name: string;
    readonly ver?: 3 | 4 | 5;
    readonly connect?: boolean;
    readonly expect_disconnect?: boolean;
    readonly msgs: readonly Step[];
  }[];
}

export function corpusIsThere(): boolean {
  return existsSync(corpusFolder);
}

export function loadCorpus(): Case[] {
  const cases: Case[] = [];
  const seen = new Map<string, number>();
  for (const file of readdirSync(corpusFolder).filter((name) => name.endsWith('.json'))) {
    for (const group of JSON.parse(readFileSync(join(corpusFolder, file), 'utf8')) as GroupFile[]) {
      for (const test of group.tests) {
        const name = `${group.group.replace(/\s+/g, ' ')}: ${test.name.trim()}`;
        const count = (seen.get(name) ?? 0) + 1;
        seen.set(name, count);
        cases.push({
          id: count === 1 ? name : `${name} (${count})`,
          version: test.ver ?? group.ver ?? 4,
          connect: test.connect ?? group.connect ?? true,
          expectDisconnect: test.expect_disconnect ?? true,
          steps: test.msgs,
        });
      }
    }
  }
  return cases;
}
