/** Something that must still be told to app clients, as bytes. */
export interface OutboxItem {
  /** Printable ASCII of at most 100 characters; items are kept in the order of their ids. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** What chains have published and not all stored sessions of app clients have yet. */
export interface OutboxStore {
  /** Joins the current commit group. A repeat of an id changes nothing. */
  put(item: OutboxItem): Promise<void>;
  /** By id, from behind `after`; at most `limit`. */
  list(after: string | undefined, limit: number): Promise<readonly OutboxItem[]>;
  /** Unknown ids are no error. */
  remove(ids: readonly string[]): Promise<void>;
}
