import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PhpIpam } from '../../src/core/resources.ts';
import type { Credentials } from '../../src/ipam/credentials.ts';
import { LoginGuard } from '../../src/ipam/phpipam/login-guard.ts';
import { openPhpIpam } from '../../src/ipam/phpipam/phpipam.ts';
import { hold } from '../../src/ipam/provider.contract.ts';
import { type IpamProvider, IpamRefused, IpamUnavailable } from '../../src/ipam/provider.ts';
import { ManualClock } from '../agent/clock.ts';
import { Authority } from '../cluster/kubernetes/certificates.ts';
import { FAULTS } from './fake/faults.ts';
import { type FakeOptions, FakePhpIpam } from './fake-phpipam.ts';
import { addSubnets, openPool, type PoolChange, USER } from './pools.ts';

const MINUTE = 60_000;

/** A guard against a test that waits for ever; nothing depends on it. */
const GUARD = { timeout: 60_000 };

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of toClose.splice(0).reverse()) await each.close();
});

interface Stage {
  readonly clock: ManualClock;
  readonly fake: FakePhpIpam;
  open(change?: PoolChange): IpamProvider;
}

async function stage(options: FakeOptions = {}): Promise<Stage> {
  const clock = new ManualClock();
  const fake = await FakePhpIpam.open({ now: () => clock.now(), ...options });
  toClose.push(fake);
  addSubnets(fake);
  const open = (change: PoolChange = {}): IpamProvider => {
    const provider = openPool(fake, { clock, ...change });
    toClose.push(provider);
    return provider;
  };
  return { clock, fake, open };
}

const nothing = async (): Promise<void> => {};

describe('a session with phpIPAM', GUARD, () => {
  it('logs in once, for all that is asked at the same time and later', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await Promise.all([provider.look(), provider.look(), provider.claim([hold('node-1', '192.168.100.2')])]);
    await provider.look();
    assert.equal(fake.calls.get('POST user'), 1);
  });

  it('logs in again, once, when its token has expired, and goes on with what it was about', async () => {
    const { clock, fake, open } = await stage();
    const provider = open();
    await provider.look();
    await clock.advance(7 * 60 * MINUTE, nothing);
    const [{ ranges }, claims] = await Promise.all([provider.look(), provider.claim([hold('node-1', '192.168.100.2')])]);
    assert.deepEqual([ranges.length, claims[0]?.outcome], [3, 'held']);
    assert.equal(fake.calls.get('POST user'), 2);
  });

  it('never logs out: the token is also that of others', async () => {
    const { fake, open } = await stage();
    const [first, second] = [open(), open()];
    await first.look();
    await second.look();
    await first.close();
    await second.look();
    assert.equal(fake.calls.get('DELETE user'), undefined);
    assert.equal(fake.calls.get('POST user'), 2);
  });

  it('takes up a password that was changed, without a restart', async () => {
    const { clock, fake, open } = await stage();
    let now: Credentials = USER;
    const provider = open({ credentials: async () => now });
    await provider.look();
    // A password may end with a blank; the line end that an editor adds is none of it.
    fake.database.users.set('fairlead', { password: 'new ', disabled: false });
    fake.database.expireTokens();
    await clock.advance(MINUTE, nothing);
    await assert.rejects(provider.look(), IpamRefused);
    now = { username: 'fairlead', password: 'new \n' };
    await provider.look();
  });

  it('takes up the code of an application that was changed, without a restart', async () => {
    const authority = await Authority.make('company');
    toClose.push({ close: async () => authority.delete() });
    const { fake, open } = await stage({ tls: await authority.server('IP:127.0.0.1') });
    let code = 'FIRST';
    fake.database.apps.set('coded', { security: 'ssl_code', permission: 2, code });
    const change = { appID: 'coded', auth: 'AppCode', caBundle: authority.certificate } as const;
    const provider = open({ ...change, credentials: async () => ({ code: `${code}\n` }) });
    await provider.look();
    fake.database.apps.set('coded', { security: 'ssl_code', permission: 2, code: 'SECOND' });
    await assert.rejects(provider.look(), /does not accept the code/);
    code = 'SECOND';
    await provider.look();
  });
});

describe('wrong passwords', GUARD, () => {
  it('are not tried so often that phpIPAM blocks the address, in one pool or several', async () => {
    const { clock, fake, open } = await stage();
    const guard = new LoginGuard(clock);
    const pools = ['one', 'two', 'three'].map((password) => openGuarded(fake, clock, guard, password));
    for (let minute = 0; minute < 240; minute++) {
      for (const provider of pools) await assert.rejects(provider.look(), /Invalid username or password/);
      await clock.advance(MINUTE, nothing);
    }
    const tries = fake.calls.get('POST user') ?? 0;
    assert.ok(tries > 20 && tries < 40, `${tries} tries in four hours`);
    await open().look();
  });

  it('are tried once, however many pools have the same one at the same time', async () => {
    const { clock, fake, open } = await stage();
    const guard = new LoginGuard(clock);
    const pools = Array.from({ length: 12 }, () => openGuarded(fake, clock, guard, 'wrong'));
    await Promise.all(pools.map((provider) => assert.rejects(provider.look(), /Invalid username or password/)));
    assert.equal(fake.calls.get('POST user'), 1);
    await open().look();
  });

  it('are tried again after a minute at the earliest', async () => {
    const { clock, fake, open } = await stage();
    const provider = open({ credentials: async () => ({ username: 'fairlead', password: 'wrong' }) });
    await assert.rejects(provider.look(), IpamRefused);
    await clock.advance(MINUTE - 1, nothing);
    await assert.rejects(provider.look(), IpamRefused);
    assert.equal(fake.calls.get('POST user'), 1);
    await clock.advance(1, nothing);
    await assert.rejects(provider.look(), IpamRefused);
    assert.equal(fake.calls.get('POST user'), 2);
  });

  it('of another application, address or Secret are tried at once, and the message names what was tried', async () => {
    const { clock, fake } = await stage();
    const guard = new LoginGuard(clock);
    const look = (change: Partial<PhpIpam>): Promise<unknown> => openGuarded(fake, clock, guard, 'wrong', change).look();
    await assert.rejects(look({}), /\/api\/open says "Invalid username or password": correct Secret phpipam,/);
    await assert.rejects(look({ appID: 'nosuch' }), /\/api\/nosuch says "Invalid application id": correct appID/);
    await assert.rejects(look({ url: `${fake.url}/elsewhere` }), /\/elsewhere\/api\/open answers 404 .*: correct url/);
    await assert.rejects(look({ credentialsSecret: 'other' }), /Invalid username or password": correct Secret other,/);
    assert.equal(fake.calls.get('POST user'), 3);
    await assert.rejects(look({}), /Secret phpipam,/);
    assert.equal(fake.calls.get('POST user'), 3);
  });

  it('that somebody edits again and again do not block the address either: the message says when the next one is tried', async () => {
    const { clock, fake, open } = await stage();
    const guard = new LoginGuard(clock);
    const look = (password: string): Promise<unknown> => openGuarded(fake, clock, guard, password).look();
    for (let i = 0; i < 5; i++) {
      await assert.rejects(look(`wrong ${i}`), /Invalid username or password/);
      await clock.advance(1000, nothing);
    }
    const waits = await look('wrong 5').catch((error: unknown) => error);
    assert.ok(waits instanceof IpamUnavailable && waits.retryAfter === 299_000, String(waits));
    assert.match(waits.message, /has refused 5 logins from here; .* the next login is tried in 299 s$/);
    assert.equal(fake.calls.get('POST user'), 5);
    await clock.advance(waits.retryAfter, nothing);
    await assert.rejects(look('wrong 5'), /Invalid username or password/);
    await open({ credentials: async () => USER }).look();
  });

  it('of somebody else block the address: that is waited for, without a request', async () => {
    const { clock, fake, open } = await stage();
    for (let i = 0; i < 12; i++) fake.database.countFailure('127.0.0.1');
    const provider = open();
    const first = await provider.look().catch((error: unknown) => error);
    assert.ok(first instanceof IpamUnavailable);
    assert.match(
      first.message,
      /has blocked this address for 5 minutes, because of logins with a wrong password from here: correct Secret/,
    );
    assert.equal(first.retryAfter, 5 * MINUTE + 5000);
    await clock.advance(4 * MINUTE, nothing);
    const second = await provider.look().catch((error: unknown) => error);
    assert.ok(second instanceof IpamUnavailable && second.retryAfter === MINUTE + 5000);
    assert.equal(fake.calls.get('POST user'), 1);
    await clock.advance(MINUTE + 5000, nothing);
    await provider.look();
  });
});

describe('the manners of the client', GUARD, () => {
  it('four requests at a time, however much is asked', async () => {
    const { fake, open } = await stage({ pause: turn });
    const provider = open();
    const many = Array.from({ length: 40 }, (_, i) => hold(`node-${i}`, `192.168.101.${i + 2}`));
    await Promise.all([provider.claim(many), provider.look(), provider.look(), provider.look()]);
    assert.ok(fake.busiest > 1 && fake.busiest <= 4, String(fake.busiest));
  });

  it('a list of each subnet before and after many claims, and one address after one', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await provider.look();
    const [list, address] = ['GET subnets/{id}/addresses', 'GET subnets/{id}/addresses/{ip}'];
    const costs = async (...wanted: readonly string[]): Promise<object> => {
      fake.resetCalls();
      await provider.claim(wanted.map((each) => hold('a', each)));
      return Object.fromEntries(fake.calls);
    };
    assert.deepEqual(await costs('192.168.101.2'), { 'POST addresses': 1, [address]: 1 });
    assert.deepEqual(await costs('192.168.101.2'), { 'POST addresses': 1, [address]: 1 });
    assert.deepEqual(await costs('192.168.101.2', '192.168.101.3', '192.168.101.4', 'fd00:100::2'), {
      'POST addresses': 3,
      [list]: 2,
      [address]: 1,
    });
    assert.deepEqual(await costs('192.168.101.2', '192.168.101.3', '192.168.101.4'), { [list]: 1 });
  });

  it('goes on where it was when many claims or releases are repeated after a failure', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await provider.look();
    const many = Array.from({ length: 200 }, (_, i) => hold(`node-${i}`, `192.168.101.${i + 2}`));
    fake.spoil = (_, number) => (number % 50 === 0 ? FAULTS['silent 500, not done'] : undefined);
    let rounds = 0;
    for (let done = false; !done; rounds++) {
      done = await provider.claim(many).then(
        () => true,
        () => false,
      );
    }
    assert.ok(rounds > 2 && rounds < 10, `${rounds} rounds`);
    assert.equal(fake.database.inSubnet(8).length, 201);
    const { ranges } = await provider.look();
    const held = many.map((each) => ({ ...each, record: ranges[1]?.records.get(each.address.text)?.record ?? '' }));
    for (rounds = 0; fake.database.inSubnet(8).length > 1; rounds++) await provider.release(held).catch(() => undefined);
    assert.ok(rounds > 2 && rounds < 15, `${rounds} rounds`);
  });

  it('20 seconds of patience with reading, 45 with writing', async () => {
    for (const [kind, patience] of [
      ['GET subnets/{id}', 20_000],
      ['POST addresses', 45_000],
    ] as const) {
      const { clock, fake, open } = await stage();
      const provider = open();
      if (kind.startsWith('POST')) await provider.look();
      const hanging = new Promise<void>((resolve) => {
        fake.onHang = resolve;
      });
      fake.spoil = (each) => (each === kind ? FAULTS['no answer, not done'] : undefined);
      let over = false;
      const asked = (kind.startsWith('POST') ? provider.claim([hold('a', '192.168.101.2')]) : provider.look()).then(
        () => undefined,
        (error: unknown) => {
          over = true;
          return error;
        },
      );
      await hanging;
      await clock.advance(patience - 1, async () => void (await turn()));
      assert.equal(over, false);
      await clock.advance(1, nothing);
      assert.match(String(await asked), new RegExp(`has not answered ${kind.split(' ')[0]} /.*/ within ${patience / 1000} s`));
    }
  });

  it('gives up when it is told to, and asks nothing more', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await provider.look();
    const controller = new AbortController();
    fake.onHang = () => controller.abort();
    fake.spoil = () => FAULTS['no answer, done'];
    fake.resetCalls();
    const many = Array.from({ length: 40 }, (_, i) => hold(`node-${i}`, `192.168.101.${i + 2}`));
    await assert.rejects(provider.claim(many, controller.signal), { name: 'IpamUnavailable', message: /the question was given up here$/ });
    await assert.rejects(provider.look(controller.signal), IpamUnavailable);
    assert.ok((fake.calls.get('POST addresses') ?? 0) <= 4);
  });

  it('waits as long as a server in trouble asks for', async () => {
    const { fake, open } = await stage();
    fake.spoil = () => FAULTS['page 429'];
    const error = await open()
      .look()
      .catch((each: unknown) => each);
    assert.ok(error instanceof IpamUnavailable && error.retryAfter === 2000, String(error));
  });

  it('asks once more when a kept connection turns out to be closed, and then only when it reads', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await provider.look();
    const first = new Set<string>();
    fake.spoil = (kind) => {
      if (first.has(kind)) return undefined;
      first.add(kind);
      return FAULTS['reset, not done'];
    };
    assert.equal((await provider.look()).ranges.length, 3);
    await assert.rejects(provider.claim([hold('a', '192.168.101.2')]), {
      name: 'IpamUnavailable',
      message: /the connection was cut \(ECONNRESET\)$/,
    });
  });

  it('has patience with an answer for longer than a connection is kept without one', async () => {
    const fake = await FakePhpIpam.open();
    toClose.push(fake);
    addSubnets(fake);
    const provider = openPool(fake);
    toClose.push(provider);
    fake.spoil = (kind) => (kind === 'POST addresses' ? { ...FAULTS.slow, delay: 4500 } : undefined);
    assert.equal((await provider.claim([hold('a', '192.168.101.2')]))[0]?.outcome, 'held');
  });

  it('begins nothing more after a failure', async () => {
    const { fake, open } = await stage();
    const provider = open();
    await provider.look();
    fake.database.apiEnabled = false;
    fake.resetCalls();
    const many = Array.from({ length: 40 }, (_, i) => hold(`node-${i}`, `192.168.101.${i + 2}`));
    await assert.rejects(provider.claim(many), IpamRefused);
    assert.ok((fake.calls.get('POST addresses') ?? 0) <= 4);
  });
});

function openGuarded(
  fake: FakePhpIpam,
  clock: ManualClock,
  guard: LoginGuard,
  password: string,
  change: Partial<PhpIpam> = {},
): IpamProvider {
  const provider = openPhpIpam({
    ipam: {
      type: 'phpIPAM',
      url: fake.url,
      appID: 'open',
      auth: 'None',
      subnetMap: new Map([['a', [7]]]),
      insecureSkipTLSVerify: false,
      credentialsSecret: 'phpipam',
      ...change,
    },
    pool: password,
    cluster: { uid: 'uid-1', name: 'prod' },
    credentials: async () => ({ username: 'fairlead', password }),
    clock,
    guard,
  });
  toClose.push(provider);
  return provider;
}
