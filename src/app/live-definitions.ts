import { dirname, join } from 'node:path';
import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import { createCounterBook, type Generation, loadChains, runChainTests } from '../rules/index.ts';
import type { GenerationLine, GenerationStore } from '../storage/generation-store.ts';
import type { AuditStore } from '../storage/record-stores.ts';
import { Canary, type CanaryOptions, type CanaryState } from './canary.ts';
import { etagOf, fileOfChain, withFile } from './chain-changes.ts';
import { type FolderFile, inCopy, readChainFolder, writeChainFolder } from './chain-folder.ts';
import { ChainTests, checkTests, refused } from './chain-tests.ts';
import { type DefinitionOptions, type DefinitionParts, type Definitions, loadDefinitions } from './definitions.ts';
import { RetiredGenerations } from './retired-generations.ts';
import { setAside } from './set-aside.ts';
import type { SharedChains } from './shared-chains.ts';
import { watchFolder } from './watch-folder.ts';

export interface LiveOptions extends DefinitionOptions {
  /** Where copies of chains are looked at before they are in force. */
  readonly workDir: string;
}

export interface LiveParts extends DefinitionParts {
  readonly generations: GenerationStore;
  readonly audit: AuditStore;
  readonly shared: SharedChains;
  readonly clock: Clock;
  readonly onLoaded: (next: Definitions) => void;
}

/** A chain as somebody sends it. */
export interface ChainUpload {
  readonly name: string;
  readonly text: string;
  /** ETag that the file must have now; `*` = whatever it has. */
  readonly ifMatch: string | undefined;
  readonly by: string;
  readonly canary?: CanaryOptions;
}

/** `setAside`: folder of copies of files that stood there and are in no generation. */
export interface Restored {
  readonly generation: string;
  readonly setAside?: string;
}

export type ChainSource = FolderFile & { readonly etag: string };

const SETTLE_MS = 200;
const FILES_CHANGED = 'given up: the chain files have changed';

/**
 * Profiles and chains in force, and every way to change them while messages run: files, uploads, roll-back, canary.
 * Changes are made one after the other, all or nothing: compile, lint, the chains' own tests, then one switch.
 */
export class LiveDefinitions {
  readonly #options: LiveOptions;
  readonly #parts: LiveParts;
  readonly #retired: RetiredGenerations;
  readonly #tests: ChainTests;
  readonly #watches: readonly { close(): void }[];
  #current: Definitions;
  #canary: Canary | undefined;
  #endedCanary: string | undefined;
  #problem: string | undefined;
  /** Time of the chains in force for all that were looked at last. */
  #followed: number | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LiveOptions, parts: LiveParts, first: Definitions) {
    this.#options = options;
    this.#parts = parts;
    this.#current = first;
    this.#tests = new ChainTests(options.chainsDir);
    this.#retired = new RetiredGenerations(options.runLimits.deadlineMs, parts.log);
    const folders = new Set([options.profilesDir, options.chainsDir]);
    this.#watches = [...folders].map((dir) => watchFolder(dir, () => this.#changed(), parts.log));
    void this.#inTurn(() => this.#begin()).catch((error: unknown) => this.#refuse(error));
    parts.shared.onChange(() => {
      if (!this.#closed) void this.#inTurn(() => this.#follow()).catch((error: unknown) => this.#refuse(error));
    });
  }

  get current(): Definitions {
    return this.#current;
  }

  /** Why the files as they stand now are not in force, or which tests of those in force fail; else undefined. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The generation that messages of this originator run in. */
  generationFor(id: string): Generation {
    const canary = this.#canary;
    return canary?.takes(id) ? canary.generation : this.#current.generation;
  }

  /** Hears of every outcome. Gives a candidate up whose messages fail too often. */
  ended(generation: Generation, failed: boolean): void {
    const canary = this.#canary;
    if (canary === undefined || canary.generation !== generation || !canary.ended(failed)) return;
    const { messages, failed: lost } = canary.state();
    const how = `given up: ${lost} of ${messages} messages were dead-lettered`;
    this.#endCanary(how);
    this.#tellEnded(how);
    this.#audit('chain.canary', 'gridmoor', canary.generation.id, 'rolled-back');
  }

  history(): Promise<readonly GenerationLine[]> {
    return this.#parts.generations.list();
  }

  /** The file of a chain; undefined when there is no such chain. */
  async source(name: string): Promise<ChainSource | undefined> {
    const path = fileOfChain(this.#current.generation, name, this.#options.chainsDir);
    const file = (await readChainFolder(this.#options.chainsDir)).find((one) => one.path === path);
    return file && { ...file, etag: etagOf(file.text) };
  }

  /** Throws PRECONDITION_REQUIRED, PRECONDITION_FAILED, or VALIDATION_FAILED with every finding. */
  upload({ name, text, ifMatch, by, canary }: ChainUpload): Promise<{ generation: string; canary: boolean }> {
    return this.#inTurn(async () => {
      const standing = await readChainFolder(this.#options.chainsDir);
      const path = fileOfChain(this.#current.generation, name, this.#options.chainsDir);
      const files = withFile(standing, { name, path, text, ifMatch });
      const generation = await this.#candidate(files, name);
      if (canary === undefined) {
        await generation.close();
        await this.#switchTo(files, by);
        await this.#share(by);
        this.#audit('chain.change', by, name, this.#current.generation.id);
        return { generation: this.#current.generation.id, canary: false };
      }
      const at = this.#parts.clock.now();
      this.#try({ generation, files, by }, canary, at);
      await this.#parts.shared.putCandidate({ name, files, by, at, options: canary });
      this.#audit('chain.canary', by, name, 'begun');
      return { generation: generation.id, canary: true };
    });
  }

  /** Back to the files of a former generation, the one before this when none is named. Throws NOT_FOUND. */
  rollback(id: string | undefined, by: string): Promise<Restored> {
    return this.#inTurn(async () => {
      const now = this.#current.generation.id;
      const wanted = id ?? (await this.history()).find((line) => line.id !== now)?.id;
      const record = wanted === undefined ? undefined : await this.#parts.generations.get(wanted);
      if (!record) throw new BrokerError('NOT_FOUND', { field: 'generation', detail: 'there is no such generation' });
      const kept = await this.#switchTo(record.files, by);
      await this.#share(by);
      const generation = this.#current.generation.id;
      this.#audit('chain.rollback', by, record.id, generation);
      return kept === undefined ? { generation } : { generation, setAside: kept };
    });
  }

  /** The candidate under way, or how the last one ended. */
  get canary(): CanaryState | { readonly ended: string } | undefined {
    if (this.#canary) return this.#canary.state();
    return this.#endedCanary === undefined ? undefined : { ended: this.#endedCanary };
  }

  /** Gives every device the candidate. Throws NOT_FOUND when none is under way. */
  promote(by: string): Promise<string> {
    return this.#inTurn(async () => {
      const { files, generation } = this.#candidateUnderWay();
      await this.#switchTo(files, by);
      await this.#share(by, 'promoted');
      this.#endedCanary = 'promoted';
      this.#audit('chain.canary', by, generation.id, 'promoted');
      return this.#current.generation.id;
    });
  }

  abort(by: string): void {
    const { generation } = this.#candidateUnderWay();
    this.#endCanary('aborted');
    this.#tellEnded('aborted');
    this.#audit('chain.canary', by, generation.id, 'aborted');
  }

  /** Tries the chains in force with their own tests, for once messages come in: a broker starts whatever tests say. */
  testInForce(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#closed) this.#warn(await this.#tests.failing(this.#current.generation.id));
    });
  }

  /** Stops watching, and closes what runs; call when no message is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.close();
    await this.#last.catch(() => undefined);
    await Promise.all([this.#retired.close(), this.#current.generation.close(), this.#canary?.generation.close()]);
  }

  /** Editors write files in several steps: a change is looked at once it has been quiet for a moment. */
  #changed(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#inTurn(() => this.#reload('files')).catch((error: unknown) => this.#refuse(error));
    }, SETTLE_MS);
  }

  async #reload(by: string): Promise<void> {
    const next = await loadDefinitions(this.#options, this.#parts, this.#current.counters);
    const failing = await this.#tests.failing(next.generation.id);
    if (failing && next.generation.id !== this.#current.generation.id) {
      await next.generation.close();
      throw failing;
    }
    await this.#take(next, by);
    this.#warn(failing);
  }

  async #take(next: Definitions, by: string): Promise<void> {
    if (this.#closed) return next.generation.close();
    const former = this.#current.generation;
    this.#current = next;
    this.#problem = undefined;
    this.#retired.add(former);
    const { id } = next.generation;
    if (id !== former.id) this.#endCanary(FILES_CHANGED);
    this.#parts.onLoaded(next);
    this.#parts.log.info({ event: 'files.loaded', generation: id, by }, 'profiles and chains loaded anew');
    if (id !== former.id) await this.#remember(by);
  }

  /**
   * Writes the files and puts them in force; the watcher then finds nothing new. When that fails, the folder is as it was.
   * Gives the folder of what was set aside.
   */
  async #switchTo(files: readonly FolderFile[], by: string): Promise<string | undefined> {
    const { chainsDir, workDir } = this.#options;
    const { generations, clock, log } = this.#parts;
    const standing = await readChainFolder(chainsDir);
    const place = { generations, parent: join(dirname(workDir), 'set-aside'), at: clock.now() };
    const kept = await setAside({ standing, next: files }, place);
    if (kept)
      log.warn({ event: 'chains.set-aside', folder: kept }, 'chain files that no generation has were set aside');
    let next: Definitions;
    try {
      await writeChainFolder(chainsDir, files);
      next = await loadDefinitions(this.#options, this.#parts, this.#current.counters);
    } catch (error) {
      await writeChainFolder(chainsDir, standing);
      throw error;
    }
    await this.#take(next, by);
    return kept;
  }

  /** Chains that somebody put in force for all are so here too, unless the files here came later. */
  async #begin(): Promise<void> {
    const { id } = this.#current.generation;
    const inForce = await this.#parts.shared.inForce();
    const known = (await this.history()).find((line) => line.id === id);
    if (inForce && known && known.at <= inForce.at) return this.#follow();
    this.#followed = inForce?.at;
    await this.#remember('files');
    await this.#followCandidate();
  }

  /** Does what another instance has been told. */
  async #follow(): Promise<void> {
    const { shared, generations } = this.#parts;
    const inForce = await shared.inForce();
    if (inForce && inForce.at !== this.#followed) {
      this.#followed = inForce.at;
      const record = inForce.id === this.#current.generation.id ? undefined : await generations.get(inForce.id);
      if (record) await this.#switchTo(record.files, inForce.by);
    }
    await this.#followCandidate();
  }

  async #followCandidate(): Promise<void> {
    const candidate = await this.#parts.shared.candidate();
    if (candidate === undefined) return;
    if ('ended' in candidate) {
      this.#endCanary(candidate.ended);
      if (this.#endedCanary !== undefined) this.#endedCanary = candidate.ended;
      return;
    }
    const { name, files, by, at, options } = candidate;
    if (this.#canary?.since === at) return;
    this.#try({ generation: await this.#candidate(files, name), files, by }, options, at);
  }

  #try(candidate: ConstructorParameters<typeof Canary>[0], options: CanaryOptions, at: number): void {
    this.#endCanary(undefined);
    this.#canary = new Canary(candidate, options, at);
    this.#endedCanary = undefined;
  }

  /** What is in force here now is to be so everywhere, without a candidate. */
  async #share(by: string, ended = FILES_CHANGED): Promise<void> {
    const { shared, clock } = this.#parts;
    const inForce = { id: this.#current.generation.id, at: clock.now(), by };
    this.#followed = inForce.at;
    await shared.putCandidate({ ended });
    await shared.putInForce(inForce);
  }

  #tellEnded(how: string): void {
    this.#endedCanary = how;
    this.#parts.shared.putCandidate({ ended: how }).catch((error: unknown) => this.#refuse(error));
  }

  async #remember(by: string): Promise<void> {
    const files = await readChainFolder(this.#options.chainsDir);
    const { id } = this.#current.generation;
    if ((await this.history())[0]?.id === id) return;
    await this.#parts.generations.put({ id, at: this.#parts.clock.now(), by, files });
  }

  /** Compiles, lints and tests the files somewhere else. */
  #candidate(files: readonly FolderFile[], name: string): Promise<Generation> {
    const { workDir, chainsDir, env, allowedHosts, runLimits } = this.#options;
    return inCopy(files, workDir, async (dir) => {
      const options = {
        env,
        allowedHosts,
        run: { keepPath: true, limits: runLimits, splitAtAck: true },
        counters: createCounterBook(),
      };
      const loaded = await loadChains(dir, { ...options, secretsFrom: chainsDir });
      if (!loaded.ok) throw refused(loaded.issues, dir);
      const { generation } = loaded;
      try {
        if (!generation.chains.has(name)) {
          const detail = `the file holds no chain named "${name}"`;
          throw new BrokerError('VALIDATION_FAILED', { field: 'name', detail });
        }
        checkTests(await runChainTests(dir), dir);
      } catch (error) {
        await generation.close();
        throw error;
      }
      const secretKeys = new Set([...generation.secretKeys, ...this.#current.generation.secretKeys]);
      return { ...generation, secretKeys };
    });
  }

  #candidateUnderWay(): Canary {
    if (this.#canary) return this.#canary;
    throw new BrokerError('NOT_FOUND', { field: 'canary', detail: 'no candidate is under way' });
  }

  #endCanary(how: string | undefined): void {
    if (this.#canary === undefined) return;
    const { generation } = this.#canary;
    this.#retired.add(generation);
    this.#canary = undefined;
    this.#endedCanary = how;
    if (how) this.#parts.log.warn({ event: 'chains.canary', generation: generation.id }, `candidate ${how}`);
  }

  /** The chains are in force already: only their tests have changed, or the broker has started with them. */
  #warn(failing: BrokerError | undefined): void {
    if (failing === undefined) return;
    this.#problem = `the chains in force fail their own tests: ${failing.detail}`;
    const facts = failing.code === 'INTERNAL' ? { err: failing } : { problem: failing.detail };
    this.#parts.log.warn({ event: 'chains.tests-failed', ...facts }, 'the chains in force fail their own tests');
  }

  #refuse(error: unknown): void {
    const known = BrokerError.from(error);
    this.#problem = `changed files are refused: ${known.detail}`;
    const facts = known.code === 'INTERNAL' ? { err: known } : { problem: known.detail };
    this.#parts.log.error({ event: 'files.refused', ...facts }, 'changed files refused: the former ones stay in force');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  #audit(action: string, by: string, subject: string, outcome: string): void {
    const { audit, clock, log } = this.#parts;
    audit
      .append({ at: clock.now(), action, by, subject, outcome })
      .catch((err: unknown) => log.error({ event: 'audit.failed', action, err }, 'an audit line was not stored'));
  }
}

/** Where copies are made; below the data directory, so that it belongs to this instance alone. */
export const workDirOf = (dataDir: string): string => join(dataDir, 'work');
