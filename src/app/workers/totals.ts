import { type MetricFamilies, sumFamilies, textOfFamilies } from '../../observe/index.ts';

/** A worker that does not answer by then counts as it was last seen. */
const PATIENCE_MS = 1_000;

/** The metrics of all workers as one. Counters never go back: what a worker had counted when it was last seen stays in. */
export class Totals {
  /** Of workers that have ended. */
  #ended: Promise<MetricFamilies> = Promise.resolve([]);
  readonly #seen = new Map<number, MetricFamilies>();
  readonly #ask: () => readonly number[];
  #missing = new Set<number>();
  #answered: () => void = () => {};
  #collecting: Promise<string> | undefined;

  /** @param ask asks all workers that are ready for a report, and gives their numbers. */
  constructor(ask: () => readonly number[]) {
    this.#ask = ask;
  }

  /** The text for `/metrics`; who asks while another one is served gets the same. */
  collect(): Promise<string> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  reported(worker: number, families: MetricFamilies): void {
    this.#seen.set(worker, families);
    this.#noLongerMissing(worker);
  }

  ended(worker: number): void {
    const counted = (this.#seen.get(worker) ?? []).filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#seen.delete(worker);
    this.#ended = this.#ended.then((ended) => sumFamilies([ended, counted]));
    this.#noLongerMissing(worker);
  }

  async #collect(): Promise<string> {
    this.#missing = new Set(this.#ask());
    if (this.#missing.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#answered = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const ended = await this.#ended;
    return textOfFamilies(await sumFamilies([...this.#seen.values(), ended]));
  }

  #noLongerMissing(worker: number): void {
    if (this.#missing.delete(worker) && this.#missing.size === 0) this.#answered();
  }
}
