import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { Life } from './overlay-life.ts';
import { clusterSource, phpIpamSource, rowsOf } from './overlay-sources.ts';

/** What has become of one life: its chapters, the boundaries in their order, and where the controller died. */
interface Story {
  readonly chapters: readonly string[];
  readonly boundaries: readonly string[];
  readonly died: string | undefined;
}

/** `deadly`: the number of the boundary, counted from 0, at which the controller dies. */
type Tell = (deadly?: number) => Promise<Story>;

const tellOfRanges: Tell = async (deadly) => {
  const count = new Count(deadly);
  const life = new Life({ source: clusterSource(), dies: (boundary) => count.meets(boundary), records: () => [] });
  return count.story(await life.run());
};

/** Here the boundaries of the provider are those of each of its requests. */
const tellOfPhpIpam: Tell = async (deadly) => {
  const fake = await FakePhpIpam.open();
  try {
    const count = new Count(deadly);
    const records = (): readonly string[] => rowsOf(fake).map(({ ip, hostname }) => `${ip} ${hostname}`);
    const life = new Life({ source: phpIpamSource(fake), dies: (boundary) => count.meets(boundary), records });
    fake.spoil = (kind) => {
      const acts = count.meets(`before ${kind}`) ? 'no' : count.meets(`after ${kind}`) ? 'yes' : undefined;
      if (acts) life.die();
      return acts && { acts, answer: 'reset' };
    };
    return count.story(await life.run());
  } finally {
    await fake.close();
  }
};

class Count {
  readonly #deadly: number | undefined;
  readonly #boundaries: string[] = [];
  #died: string | undefined;

  constructor(deadly: number | undefined) {
    this.#deadly = deadly;
  }

  meets(boundary: string): boolean {
    const meets = this.#boundaries.length === this.#deadly;
    this.#boundaries.push(boundary);
    if (meets) this.#died = boundary;
    return meets;
  }

  story(chapters: readonly string[]): Story {
    return { chapters, boundaries: this.#boundaries, died: this.#died };
  }
}

/** What no life is without. */
const MILESTONES = [
  'replace overlaypools default',
  'replace overlaypools/status default',
  'create nodeoverlayips n1.default',
  'replace nodeoverlayips n2.default',
  'apply nodeoverlayips/status n1.default',
  'delete nodeoverlayips n1.default',
  'replace nodeoverlayips n1.default',
] as const;

const WORLDS = [
  { where: 'of the ranges of a pool', tell: tellOfRanges, milestones: [...MILESTONES, 'look', 'claim'] },
  { where: 'of a phpIPAM', tell: tellOfPhpIpam, milestones: [...MILESTONES, 'POST addresses', 'DELETE addresses/{id}'] },
] as const;

describe('a controller that dies at any single boundary of the life of addresses', () => {
  for (const { where, tell, milestones } of WORLDS) {
    it(`leaves all to the next, ${where}`, async (t) => {
      const { chapters, boundaries } = await tell();
      const lacking = milestones.flatMap((call) => [`before ${call}`, `after ${call}`]).filter((each) => !boundaries.includes(each));
      assert.deepEqual(lacking, []);
      t.diagnostic(`${boundaries.length} boundaries`);
      for (const [i, boundary] of boundaries.entries()) {
        const story = await tell(i).catch((error: unknown) => assert.fail(`died at ${i}, ${boundary}: ${String(error)}`));
        assert.equal(story.died, boundary, 'a life without chance passes the same boundaries until death');
        assert.deepEqual(story.chapters, chapters, `died at ${i}, ${boundary}`);
      }
    });
  }
});
