import type { Generation } from '../rules/index.ts';
import type { FolderFile } from './chain-folder.ts';

export interface CanaryOptions {
  /** Share of the devices whose messages run in the candidate, 0 < percent <= 100. */
  readonly percent: number;
  /** Share of messages that may be dead-lettered before the candidate is given up, 0 to 1. */
  readonly maxFailureRatio: number;
  /** Messages before the share counts. */
  readonly minMessages: number;
}

/** A candidate that some devices try. A device stays on its side, so that its messages keep their order. */
export interface CanaryState extends CanaryOptions {
  readonly generation: string;
  readonly since: number;
  readonly by: string;
  readonly messages: number;
  readonly failed: number;
}

export class Canary {
  readonly generation: Generation;
  readonly files: readonly FolderFile[];
  readonly by: string;
  readonly since: number;
  readonly #options: CanaryOptions;
  #messages = 0;
  #failed = 0;

  constructor(
    candidate: { readonly generation: Generation; readonly files: readonly FolderFile[]; readonly by: string },
    options: CanaryOptions,
    now: number,
  ) {
    this.generation = candidate.generation;
    this.files = candidate.files;
    this.by = candidate.by;
    this.since = now;
    this.#options = options;
  }

  /** Ids end in random digits: their last ones spread devices evenly, and always alike. */
  takes(id: string): boolean {
    return Number.parseInt(id.slice(-6), 16) % 10_000 < this.#options.percent * 100;
  }

  /** Counts an outcome of the candidate; true when it has failed too often. */
  ended(failed: boolean): boolean {
    this.#messages++;
    if (failed) this.#failed++;
    const { minMessages, maxFailureRatio } = this.#options;
    return this.#messages >= minMessages && this.#failed > maxFailureRatio * this.#messages;
  }

  state(): CanaryState {
    const { generation, since, by } = this;
    return { ...this.#options, generation: generation.id, since, by, messages: this.#messages, failed: this.#failed };
  }
}
