import type { Address } from '../../core/ip/address.ts';
import { isAbout, mayBeInUse, type OverlayIPView } from './ip-view.ts';
import type { Entry } from './ledger.ts';
import type { Verdict } from './reasons.ts';

/** One node, as far as one pool is concerned. */
export interface Subject {
  /** What the ledger has for it, as it is written. */
  readonly entries: readonly Entry[];
  readonly object: OverlayIPView | undefined;
  readonly verdict: Verdict | undefined;
  /** Whether its agent must say that addresses are out of use before they are (see patience.ts). */
  readonly awaited: boolean;
  /** Whether there is a Node of that name, and the pool selects it. */
  readonly selected: boolean;
  /** Whether its agent has been heard of lately. */
  readonly heard: boolean;
  /** Whether a NodeOverlayIP of it has gone just now: its user may be about to make another. */
  readonly justGone: boolean;
  /** Whether its NodeOverlayIP has been waiting to go for so long that nobody should wait any longer. */
  readonly overdue: boolean;
  /** Whether nobody can have made anything of its entries that are being given back: this very process has entered them, and stopped there. */
  readonly unused: boolean;
  /** Whether it has no address of a family of which it is to have one, or only one that is being given back: one without the other is not given. */
  readonly lacking: boolean;
  /** Whether the pool is being deleted: then nothing new is given. */
  readonly closing: boolean;
}

/** What is to be done next for one node. */
export type Step =
  | { readonly type: 'none' }
  /** Make its NodeOverlayIP, if there is none, and grant it. */
  | { readonly type: 'serve'; readonly entries: readonly Entry[]; readonly object: OverlayIPView | undefined }
  /** Take the addresses away from it, and give them back. */
  | { readonly type: 'release'; readonly entries: readonly Entry[] }
  /** Let a deleted NodeOverlayIP go: its node does not use the addresses, or nobody will ever say so. */
  | { readonly type: 'let-go'; readonly object: OverlayIPView; readonly overdue: boolean }
  /** It was made for an address that has gone to somebody else, and nobody has asked for just that one. */
  | { readonly type: 'discard'; readonly object: OverlayIPView }
  /** Its status has to say what is true now. */
  | { readonly type: 'tell'; readonly object: OverlayIPView; readonly entries: readonly Entry[] }
  /** It waits for its agent to say that these are out of use: so long they are nobody else's. */
  | { readonly type: 'wait'; readonly addresses: readonly Address[] };

const NOTHING: Step = { type: 'none' };

/** Pure. What is decided here from what a watch has shown is looked at again, at the API server, before anything is done that matters. */
export function decideStep(subject: Subject): Step {
  const { entries, object } = subject;
  const releasing = entries.filter((entry) => entry.releasing);
  const held = entries.filter((entry) => !entry.releasing);
  if (releasing.length > 0) return stepOfRelease(releasing, held, subject);
  if (object?.deleting) return stepOfDeletion(object, subject);
  if (object) return stepOfObject(object, held, subject);
  return held.length > 0 ? stepOfHeld(held, subject) : NOTHING;
}

function stepOfRelease(releasing: readonly Entry[], held: readonly Entry[], subject: Subject): Step {
  const { object, awaited, overdue } = subject;
  if (!object) return stepOfMissing(releasing, held, subject);
  const concerned = isAbout(object, releasing);
  const agreed = !awaited || agentAgrees(object, releasing);
  if (agreed || (concerned && (!object.deleting || object.granted))) return { type: 'release', entries: releasing };
  if (object.deleting) return overdue && object.held ? { type: 'let-go', object, overdue } : waitFor(releasing);
  if (!isHeldIn(object, held)) return { type: 'tell', object, entries: held };
  return needsService(object, held) ?? waitFor(releasing);
}

/**
 * Whether the agent has said that addresses are no longer on its node: an agent that has taken away all of this NodeOverlayIP, or has put other
 * addresses in place, has nothing else of the pool.
 */
export function agentAgrees(object: OverlayIPView, addresses: readonly Pick<Entry, 'address'>[]): boolean {
  return object.device === (object.deleting || isAbout(object, addresses) ? 'Removed' : 'InPlace');
}

/** There may be no NodeOverlayIP because none was made yet, because it was let go too early, or because somebody has forced it. */
function stepOfMissing(releasing: readonly Entry[], held: readonly Entry[], subject: Subject): Step {
  if (held.length > 0 && subject.selected && !subject.lacking) return stepOfHeld(held, subject);
  const { awaited, heard, unused } = subject;
  return !awaited || heard || unused ? { type: 'release', entries: releasing } : waitFor(releasing);
}

function waitFor(held: readonly Pick<Entry, 'address'>[]): Step {
  return { type: 'wait', addresses: held.map(({ address }) => address) };
}

/** A user has deleted it, or there is nothing of it in the ledger any more. */
function stepOfDeletion(object: OverlayIPView, { awaited, overdue }: Subject): Step {
  if (!object.held) return NOTHING;
  return !mayBeInUse(object) || !awaited || overdue ? { type: 'let-go', object, overdue } : waitFor(object.addresses);
}

function stepOfObject(object: OverlayIPView, held: readonly Entry[], { verdict, closing }: Subject): Step {
  if (isHeldIn(object, held)) return (closing ? undefined : needsService(object, held)) ?? { type: 'tell', object, entries: held };
  if (verdict && object.made && !object.granted) return { type: 'discard', object };
  return { type: 'tell', object, entries: held };
}

/** What is granted already needs only its finalizer. */
function needsService(object: OverlayIPView, held: readonly Entry[]): Step | undefined {
  if (object.deleting || (object.granted && object.held)) return undefined;
  return { type: 'serve', object, entries: held.filter((entry) => isAbout(object, [entry])) };
}

function isHeldIn(object: OverlayIPView, held: readonly Entry[]): boolean {
  return object.addresses.length > 0 && object.addresses.every((own) => held.some(({ address }) => address.equals(own.address)));
}

function stepOfHeld(held: readonly Entry[], { selected, justGone, lacking, closing }: Subject): Step {
  if (!selected || justGone || lacking || closing) return NOTHING;
  return { type: 'serve', entries: newestOfEachFamily(held), object: undefined };
}

/** A user may have asked for another one, and deleted that: then the later one counts, and the other goes once it is in place. */
function newestOfEachFamily(held: readonly Entry[]): readonly Entry[] {
  const newest = new Map<number, Entry>();
  for (const entry of held) {
    const known = newest.get(entry.address.family);
    if (!known || known.since <= entry.since) newest.set(entry.address.family, entry);
  }
  return [...newest.values()].sort((a, b) => a.address.family - b.address.family);
}
