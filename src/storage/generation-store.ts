/** The chain files that were in force from a moment on, lookup tables and tests included. */
export interface GenerationRecord {
  /** The generation's id. */
  readonly id: string;
  /** Since when, ms since 1970. */
  readonly at: number;
  /** Who brought it: `files`, or the name of a key or user. */
  readonly by: string;
  /** Paths are relative to the chain folder, with `/`. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

export type GenerationLine = Omit<GenerationRecord, 'files'>;

/** History of the chain files: the newest `maxGenerations` of the store's options are kept. */
export interface GenerationStore {
  /** Becomes the newest; a record of the same id is replaced by it. */
  put(record: GenerationRecord): Promise<void>;
  get(id: string): Promise<GenerationRecord | undefined>;
  /** Newest first. */
  list(): Promise<readonly GenerationLine[]>;
}
