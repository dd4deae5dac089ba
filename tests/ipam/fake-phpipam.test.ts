import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { STORIES, type Story } from './recorded-stories.ts';
import { RecordedWorld } from './recorded-world.ts';
import { foresee, RECORDINGS, readRecording, recorded, replayed } from './replay.ts';

const RACES = /^11-race/;
const all = readdirSync(RECORDINGS).map((file) => file.replace(/\.json$/, ''));

/** Tells the fake all that happened, and holds each answer against the recorded one. */
async function tell(name: string, world: RecordedWorld, story: Story, compare: boolean): Promise<number> {
  const { exchanges } = readRecording(name);
  let compared = 0;
  story.start?.(world);
  for (const [i, exchange] of exchanges.entries()) {
    story.before?.[i]?.(world);
    const expected = recorded(exchange);
    if (!expected || story.unusable?.[i] !== undefined) continue;
    foresee(world.database, exchange);
    const answer = await replayed(world.api, exchange);
    if (!compare) continue;
    assert.deepEqual(answer, expected, `${name} ${i}: ${exchange.request.method} ${exchange.request.path} (${exchange.note ?? ''})`);
    compared++;
  }
  return compared;
}

/** `201 Address created`, `500 Error: SQLSTATE[23000]...`: without the addresses of that very race. */
function outcomeOf(body: unknown): string {
  const { code, message } = body as { readonly code: number; readonly message: string };
  return `${code} ${message.replace(/'.*'-?/, '')}`;
}

function addressOf(body: unknown): string {
  return (body as { readonly data?: string }).data ?? '';
}

describe('the fake phpIPAM answers as the recorded ones', () => {
  for (const [name, story] of Object.entries(STORIES)) {
    it(name, async () => {
      const { phpipam, exchanges } = readRecording(name);
      const world = new RecordedWorld(phpipam, story.server);
      if (story.token !== undefined) world.logIn('iks', story.token);
      for (const earlier of story.after ?? []) await tell(earlier, world, STORIES[earlier] ?? {}, false);
      const compared = await tell(name, world, story, true);
      assert.equal(compared, exchanges.length - Object.keys(story.unusable ?? {}).length);
    });
  }

  it('and no recording is left out', () => {
    assert.deepEqual(
      all.filter((name) => !RACES.test(name)),
      Object.keys(STORIES).sort(),
    );
    assert.ok(all.length > 40);
  });
});

describe('twenty at once for the first free address of the fake phpIPAM', () => {
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  for (const name of all.filter((each) => RACES.test(each))) {
    it(name, async () => {
      const { phpipam, exchanges } = readRecording(name);
      const world = new RecordedWorld(phpipam);
      world.logIn('iks', exchanges[0]?.request.headers?.['token'] ?? '');
      world.api.options.pause = turns;
      const answers = await Promise.all(exchanges.map((exchange) => replayed(world.api, exchange)));
      const outcomes = new Set(exchanges.map((exchange) => outcomeOf(recorded(exchange)?.body)));
      assert.deepEqual(
        answers.map(({ body }) => outcomeOf(body)).filter((outcome) => !outcomes.has(outcome)),
        [],
      );
      const given = answers.map(({ body }) => addressOf(body)).filter((text) => text !== '');
      assert.equal(new Set(given).size, given.length, 'one address twice');
      if (outcomes.size > 1) return void assert.ok(given.length < answers.length, 'nobody has lost the race');
      assert.deepEqual(given.sort(), exchanges.map((exchange) => addressOf(recorded(exchange)?.body)).sort());
    });
  }

  it('gives an address twice without the unique key, as was counted', async () => {
    const world = new RecordedWorld('1.8.2');
    world.logIn('iks', 'token');
    world.database.unique = false;
    world.api.options.pause = turns;
    // Twenty who have no lock look at the same time, and write one after another.
    const { exchanges } = readRecording('11-race-20-parallel-iksnolock');
    const given = await Promise.all(
      exchanges.map((exchange) => replayed(world.api, { ...exchange, request: { ...exchange.request, headers: { token: 'token' } } })),
    );
    const texts = given.map(({ body }) => addressOf(body)).filter((text) => text !== '');
    assert.ok(new Set(texts).size < texts.length);
  });
});
