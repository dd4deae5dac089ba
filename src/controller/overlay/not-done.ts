/**
 * Something was not done, and it is nobody's bug. `overtaken`: another has changed the object meanwhile, so what to do is to be decided
 * anew; `dropped`: the API server cannot be asked now, or this process leads no longer; `refused`: by the provider, for this very
 * thing; `rejected`: by the API server, with its words.
 */
export class NotDone extends Error {
  override readonly name = 'NotDone';
  readonly why: 'overtaken' | 'dropped' | 'refused' | 'rejected';

  constructor(why: NotDone['why'], message: string = why) {
    super(message);
    this.why = why;
  }
}
