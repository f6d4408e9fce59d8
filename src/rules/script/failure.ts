/** A script that cannot go on. `final`: a limit was passed, and no `catch` of the script may hold it up. */
export class ScriptFailure extends Error {
  override readonly name = 'ScriptFailure';
  readonly final: boolean;

  constructor(problem: string, final = false) {
    super(problem);
    this.final = final;
  }
}
