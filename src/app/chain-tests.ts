import { createHash } from 'node:crypto';
import { basename, relative } from 'node:path';
import { BrokerError } from '../errors.ts';
import { runChainTests } from '../rules/index.ts';
import { formatIssue, type Issue } from '../schema/issue.ts';
import { readChainFolder } from './chain-folder.ts';

const MAX_SHOWN = 20;

/** The chains' own tests in their folder; those that passed run again only when chains or tests have changed. */
export class ChainTests {
  readonly #dir: string;
  #passed: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What fails when the chains in the folder are this generation; undefined when nothing does. */
  async failing(generation: string): Promise<BrokerError | undefined> {
    try {
      const state = await this.#state(generation);
      if (state !== this.#passed) checkTests(await runChainTests(this.#dir), this.#dir);
      this.#passed = state;
      return undefined;
    } catch (error) {
      return BrokerError.from(error);
    }
  }

  async #state(generation: string): Promise<string> {
    const hash = createHash('sha256').update(generation);
    for (const { path, text } of await readChainFolder(this.#dir)) {
      if (path.endsWith('.test.json')) hash.update('\0').update(path).update('\0').update(text);
    }
    return hash.digest('hex');
  }
}

/** Throws VALIDATION_FAILED with what differs. */
export function checkTests(report: Awaited<ReturnType<typeof runChainTests>>, dir: string): void {
  if (report.issues.some((issue) => issue.level === 'error')) throw refused(report.issues, dir);
  const failed = report.cases.filter((one) => !one.ok);
  if (failed.length === 0) return;
  const lines = failed
    .slice(0, MAX_SHOWN)
    .map(({ file, name, differences }) => [`${relative(dir, file)}: ${name}`, ...differences].join('\n  '));
  const detail = `${failed.length} of ${report.cases.length} chain tests fail:\n${lines.join('\n')}`;
  throw new BrokerError('VALIDATION_FAILED', { detail });
}

/** What stands in the way of files, with paths relative to their folder. */
export function refused(issues: readonly Issue[], dir: string): BrokerError {
  const errors = issues.filter((issue) => issue.level === 'error').slice(0, MAX_SHOWN);
  const lines = errors.map((issue) => formatIssue({ ...issue, file: relative(dir, issue.file) || basename(dir) }));
  return new BrokerError('VALIDATION_FAILED', { detail: lines.join('\n') });
}
