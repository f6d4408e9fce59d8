/** Shares and limits of a candidate that some devices try first. */
export interface CanaryRequest {
  readonly percent: number;
  readonly maxFailureRatio: number;
  readonly minMessages: number;
}

/** Changes of the chains in force; `app` implements it. Each is made whole or not at all. */
export interface ChainControl {
  /** The file of a chain; undefined when there is no such chain. */
  source(name: string): Promise<{ readonly path: string; readonly text: string; readonly etag: string } | undefined>;
  /** Throws PRECONDITION_REQUIRED, PRECONDITION_FAILED, or VALIDATION_FAILED with every finding. */
  upload(change: {
    readonly name: string;
    readonly text: string;
    readonly ifMatch: string | undefined;
    readonly by: string;
    readonly canary?: CanaryRequest;
  }): Promise<{ readonly generation: string; readonly canary: boolean }>;
  /** Newest first. */
  history(): Promise<readonly { readonly id: string; readonly at: number; readonly by: string }[]>;
  /** Back to a former generation, or to the one before this. Throws NOT_FOUND. Gives the id in force. */
  /** `setAside`: folder of copies of files that stood there and are in no generation. */
  rollback(id: string | undefined, by: string): Promise<{ readonly generation: string; readonly setAside?: string }>;
  readonly canary:
    | ({
        readonly generation: string;
        readonly since: number;
        readonly by: string;
        readonly messages: number;
        readonly failed: number;
      } & CanaryRequest)
    | { readonly ended: string }
    | undefined;
  promote(by: string): Promise<string>;
  abort(by: string): void;
}
