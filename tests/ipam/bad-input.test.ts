import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { allocate } from '../../src/ipam/allocate.ts';
import { hold } from '../../src/ipam/provider.contract.ts';
import { type IpamProvider, IpamRefused, IpamUnavailable } from '../../src/ipam/provider.ts';
import { Authority } from '../cluster/kubernetes/certificates.ts';
import { type FakeOptions, FakePhpIpam } from './fake-phpipam.ts';
import { addSubnets, CODE, openPool, type PoolChange } from './pools.ts';

const authority = await Authority.make('company');
const tls = await authority.server('IP:127.0.0.1');
after(() => authority.delete());

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of toClose.splice(0).reverse()) await each.close();
});

async function open(options: FakeOptions = {}): Promise<FakePhpIpam> {
  const fake = await FakePhpIpam.open(options);
  toClose.push(fake);
  addSubnets(fake);
  return fake;
}

function pool(fake: FakePhpIpam, change: PoolChange = {}): IpamProvider {
  const provider = openPool(fake, change);
  toClose.push(provider);
  return provider;
}

/** What a person reads. Nothing that is secret is ever in it. */
async function refusal(asked: Promise<unknown>, kind: typeof IpamRefused | typeof IpamUnavailable = IpamRefused): Promise<string> {
  const error: unknown = await asked.then(
    () => assert.fail('it was not refused'),
    (each: unknown) => each,
  );
  assert.ok(error instanceof kind, String(error));
  assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret(?!s)\b|wrong-pass|ABCDEF|Basic /);
  return error.message.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST');
}

describe('what is wrong with the application or its credentials is said with the fix', () => {
  const cases: Readonly<Record<string, { readonly server?: FakeOptions; readonly pool: PoolChange; readonly says: string }>> = {
    'the application does not exist': {
      pool: { appID: 'nope' },
      says: 'phpIPAM at http://HOST/api/nope says "Invalid application id": correct appID, or make the application (Administration, API)',
    },
    'the password is wrong': {
      pool: { credentials: async () => ({ username: 'fairlead', password: 'wrong-pass' }) },
      says: 'phpIPAM at http://HOST/api/open says "Invalid username or password": correct Secret phpipam, or the user in phpIPAM',
    },
    'the Secret has the keys of another way': {
      pool: { credentials: async () => CODE },
      says: 'phpIPAM at http://HOST/api/open cannot be asked with Secret phpipam: auth: None needs username and password',
    },
    'TLS is needed': {
      pool: { appID: 'fairlead', auth: 'UserToken' },
      says: 'phpIPAM at http://HOST/api/fairlead says "SSL connection is required for API": write https:// into url; behind a proxy that ends TLS, set $trust_x_forwarded_headers = true in config.php',
    },
    'None is not allowed': {
      server: { allowUnsafe: false },
      pool: {},
      says: 'phpIPAM at http://HOST/api/open says "SSL connection is required for API": auth: None needs $api_allow_unsafe = true in config.php: better choose "SSL with User token" for the application, auth: UserToken and https://',
    },
    'the code is wrong': {
      server: { tls },
      pool: { appID: 'coded', auth: 'AppCode', caBundle: authority.certificate, credentials: async () => ({ code: 'X'.repeat(32) }) },
      says: 'phpIPAM at https://HOST/api/coded does not accept the code: put the "App code" of this very application into Secret phpipam',
    },
    'the Secret has a user and no code': {
      server: { tls },
      pool: { appID: 'coded', auth: 'AppCode', caBundle: authority.certificate },
      says: 'phpIPAM at https://HOST/api/coded cannot be asked with Secret phpipam: auth: AppCode needs code',
    },
    'the code cannot be one': {
      server: { tls },
      pool: { appID: 'coded', auth: 'AppCode', caBundle: authority.certificate, credentials: async () => ({ code: 'ABCDEF\nGHI' }) },
      says: 'phpIPAM at https://HOST/api/coded cannot be asked with Secret phpipam: its code has characters that no code has',
    },
    'the web server drops the password': {
      server: { server: 'apache', passesAuthorization: false },
      pool: {},
      says: 'phpIPAM at http://HOST/api/open says "Please provide username and password": the web server drops the header Authorization: for Apache with PHP-FPM set "CGIPassAuth On"',
    },
    'the URL is not that of phpIPAM': {
      server: { base: '/phpipam' },
      pool: {},
      says: 'phpIPAM at http://HOST/api/open answers 404 with a page that is not for programs ("404 Not Found 404 Not Found"): correct url, which has to be where phpIPAM\'s start page is, or what stands before phpIPAM',
    },
  };
  for (const [what, { server, pool: change, says }] of Object.entries(cases)) {
    it(what, async () => {
      const fake = await open(server);
      const url = what.startsWith('the URL') ? { url: fake.url.replace('/phpipam', '') } : {};
      assert.equal(await refusal(pool(fake, { ...change, ...url }).look()), says);
    });
  }

  it('the application may only read', async () => {
    const fake = await open();
    fake.database.apps.set('open', { security: 'none', permission: 1 });
    const provider = pool(fake);
    await provider.look();
    assert.equal(
      await refusal(provider.claim([hold('node-1', '192.168.100.2')])),
      'phpIPAM at http://HOST/api/open says "invalid permissions": give the application the permission Read / Write (Administration, API)',
    );
  });

  it('the API, the application or the user is disabled', async () => {
    const fake = await open();
    fake.database.users.set('fairlead', { password: 'secret', disabled: true });
    assert.match(await refusal(pool(fake).look()), /says "User account is disabled": correct Secret phpipam, or the user in phpIPAM$/);
    fake.database.apps.set('open', { security: 'none', permission: 0 });
    assert.match(await refusal(pool(fake).look()), /says "Application disabled": give the application the permission/);
    fake.database.apiEnabled = false;
    assert.match(await refusal(pool(fake).look()), /says "API server disabled": enable the API \(Administration, phpIPAM settings\)$/);
  });

  it('the application is one with a code', async () => {
    const fake = await open({ tls });
    const provider = pool(fake, { appID: 'coded', auth: 'UserToken', caBundle: authority.certificate });
    assert.match(
      await refusal(provider.look(), IpamUnavailable),
      /refuses a token that it has just given: if the application is one with a code, set auth: AppCode/,
    );
  });

  it('there is no Secret', async () => {
    const fake = await open();
    const provider = pool(fake, { credentials: () => Promise.reject(new Error('secrets "phpipam" not found')) });
    assert.match(
      await refusal(provider.look(), IpamUnavailable),
      /cannot be asked, Secret phpipam could not be read: secrets "phpipam" not found/,
    );
  });
});

describe('what is wrong with the way to phpIPAM is said with the fix', () => {
  it('nobody trusts its certificate', async () => {
    const fake = await open({ tls });
    assert.match(
      await refusal(pool(fake, { appID: 'fairlead', auth: 'UserToken' }).look()),
      /^phpIPAM at https:\/\/HOST\/api\/fairlead: its certificate is signed by nobody whom this program trusts: put the certificate of its CA into caBundle \(/,
    );
    await pool(fake, { appID: 'fairlead', auth: 'UserToken', insecureSkipTLSVerify: true }).look();
  });

  it('its certificate is for another name, or has expired', async () => {
    const elsewhere = await open({ tls: await authority.server('DNS:ipam.example') });
    const change = { appID: 'fairlead', auth: 'UserToken', caBundle: authority.certificate } as const;
    assert.match(await refusal(pool(elsewhere, change).look()), /its certificate is for another name: use that name in url/);
    const old = await open({ tls: await authority.client('old', -1) });
    assert.match(await refusal(pool(old, change).look()), /its certificate has expired: renew it \(CERT_HAS_EXPIRED\)$/);
  });

  it('caBundle has no certificate, or one that cannot be read', async () => {
    const fake = await open({ tls });
    const broken = authority.certificate.replace(/\nMII/, '\n***');
    assert.throws(() => openPool(fake, { caBundle: 'company CA' }), {
      name: 'IpamRefused',
      message: /there is no certificate in caBundle: paste that of the CA, in PEM$/,
    });
    assert.throws(() => openPool(fake, { caBundle: broken }), { name: 'IpamRefused', message: /a certificate in caBundle cannot be read/ });
  });

  it('one side speaks TLS and the other does not', async () => {
    const plain = await open();
    assert.match(await refusal(pool(plain, { url: plain.url.replace('http', 'https') }).look()), /it does not speak TLS at this port/);
    const secure = await open({ tls });
    await refusal(pool(secure, { url: secure.url.replace('https', 'http') }).look(), IpamUnavailable);
  });

  it('nothing listens there, or the name is unknown', async () => {
    const fake = await open();
    const url = `http://127.0.0.1:${await freePort()}`;
    assert.match(
      await refusal(pool(fake, { url }).look(), IpamUnavailable),
      /nothing listens there: start the web server, or correct url \(ECONNREFUSED\)$/,
    );
    assert.match(
      await refusal(pool(fake, { url: 'http://ipam.invalid' }).look(), IpamUnavailable),
      /the name cannot be resolved: check DNS, or correct url/,
    );
  });

  it('url is none', async () => {
    const fake = await open();
    for (const url of ['ipam.example', 'ftp://ipam.example', '']) {
      assert.throws(() => openPool(fake, { url }), {
        name: 'IpamRefused',
        message: /url is no address of a web server: write https:\/\/HOST, or/,
      });
    }
  });

  it('it sends us elsewhere', async () => {
    const server = createHttpServer((_, response) => response.writeHead(301, { location: 'https://ipam.example/' }).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    toClose.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const fake = await open();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.match(
      await refusal(pool(fake, { url }).look()),
      /answers 301 and sends us on to https:\/\/ipam\.example\/: put the address that serves the API into url$/,
    );
  });

  it('a slash at the end of url, and a path in it, are fine', async () => {
    const fake = await open({ base: '/tools/ipam' });
    assert.equal((await pool(fake, { url: `${fake.url}//` }).look()).ranges.length, 3);
  });
});

describe('what is wrong with one subnet holds up no other', () => {
  const dialects = { '': false, ', in numbers that are texts': true };
  for (const [words, stringify] of Object.entries(dialects)) it(`and is said with the fix${words}`, () => sayAll(stringify));

  async function sayAll(stringify: boolean): Promise<void> {
    const fake = await open({ stringify });
    const { database } = fake;
    database.addSubnet(10, undefined);
    database.addSubnet(11, '10.11.0.0/16', { gateway: '10.11.0.1' });
    database.addSubnet(12, '10.11.1.0/24', { gateway: '10.11.1.1', masterSubnetId: 11 });
    database.addSubnet(13, '10.13.0.0/24');
    database.addSubnet(14, '10.14.0.0/24', { gateway: '10.99.0.1' });
    database.addSubnet(15, '192.168.100.0/24', { gateway: '192.168.100.1', sectionId: 6 });
    database.addSubnet(16, '10.16.0.0/24', { gateway: '10.16.0.1', isFull: true });
    database.addSubnet(17, '169.254.7.0/24', { gateway: '169.254.7.1' });
    database.addSubnet(18, '96.0.0.0/7', { gateway: '96.0.0.1' });
    database.addSubnet(19, '10.19.0.1/32', { gateway: '10.19.0.1' });
    const subnetMap = new Map([
      ['a', [7, 999, 10, 11, 13, 14, 15, 17, 18, 19]],
      ['b', [16, 999]],
      ['*', [9]],
    ]);
    const { ranges, problems } = await pool(fake, { subnetMap }).look();
    assert.deepEqual(
      ranges.map(({ zone, subnet, closed }) => `${zone}: ${subnet}${closed ? ', closed' : ''}`),
      ['a: 192.168.100.0/29', 'b: 10.16.0.0/24, closed', 'undefined: fd00:100::/64'],
    );
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        'subnet 999 (zones a, b) of phpIPAM does not exist: correct subnetMap',
        'subnet 10 (zone a) of phpIPAM is a folder: put the IDs of the subnets in it into subnetMap',
        'subnet 11 (zone a) of phpIPAM (10.11.0.0/16) is divided into other subnets: put their IDs into subnetMap',
        'subnet 13 (zone a) of phpIPAM (10.13.0.0/24) has no gateway: mark one of its addresses as gateway in phpIPAM',
        'subnet 14 (zone a) of phpIPAM (10.14.0.0/24) has the gateway 10.99.0.1, which is not in it: correct it in phpIPAM',
        'subnet 15 (zone a) of phpIPAM (192.168.100.0/24) overlaps subnet 7 (192.168.100.0/29) of the same pool: take one of them out of subnetMap',
        'subnet 17 (zone a) of phpIPAM (169.254.7.0/24) overlaps 169.254.0.0/16, which is link-local: map another subnet',
        'subnet 18 (zone a) of phpIPAM (96.0.0.0/7) is too wide: /8 is the widest that is used: map another subnet',
        'subnet 19 (zone a) of phpIPAM (10.19.0.1/32) is a single address, and leaves none beside the gateway: map another subnet',
      ],
    );
    assert.deepEqual(problems[0]?.unusable, [
      { zone: 'a', family: undefined },
      { zone: 'b', family: undefined },
    ]);
    assert.deepEqual(problems[3], { ...problems[3], code: 'RangeUnusable', unusable: [{ zone: 'a', family: 4 }] });
  }

  it('and an address that nodes have in it can still be recorded and released', async () => {
    const fake = await open();
    fake.database.addSubnet(13, '10.13.0.0/24');
    const provider = pool(fake, { subnetMap: new Map([['a', [13]]]) });
    const [claim] = await provider.claim([hold('node-1', '10.13.0.5')]);
    assert.equal(claim?.outcome, 'held');
    const { ranges, stranded } = await provider.look();
    const { record = '', node } = stranded?.get('10.13.0.5') ?? {};
    assert.deepEqual([ranges, record, node], [[], claim.record, 'node-1']);
    await provider.release([{ ...hold('node-1', '10.13.0.5'), record }]);
    assert.deepEqual(fake.database.inSubnet(13), []);
  });

  it('as one that has more addresses than phpIPAM can list', async () => {
    const fake = await open({ listLimit: 12_000 });
    fake.database.addSubnet(10, '10.16.0.0/12', { gateway: '10.16.0.1' });
    for (let i = 2; i <= 12_000; i++) fake.database.insert({ subnetId: 10, ip: hold('', `10.16.${i >> 8}.${i & 255}`).address });
    const { ranges, problems } = await pool(fake, { subnetMap: new Map([['a', [10, 7]]]) }).look();
    assert.deepEqual(
      ranges.map(({ subnet }) => subnet.text),
      ['192.168.100.0/29'],
    );
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        'subnet 10 (zone a) of phpIPAM (10.16.0.0/12) has 12000 addresses recorded, more than phpIPAM can list: raise memory_limit of PHP, or use a smaller subnet',
      ],
    );
  });

  it('unless the list does not come for another reason', async () => {
    const fake = await open({ listLimit: 1 });
    assert.match(
      await refusal(pool(fake).look(), IpamUnavailable),
      /answers 500 without a word: look into the logs of the web server and of PHP$/,
    );
  });

  it('and an exhausted one leaves the node waiting, with the reason', async () => {
    const fake = await open();
    fake.database.addSubnet(10, '10.10.0.0/30', { gateway: '10.10.0.1' });
    const provider = pool(fake, { subnetMap: new Map([['a', [10]]]) });
    await provider.claim([hold('node-1', '10.10.0.2')]);
    const [waiting] = allocate([{ node: 'node-2', zone: 'a' }], (await provider.look()).ranges, new Set());
    assert.deepEqual(waiting, {
      outcome: 'waiting',
      node: 'node-2',
      reason: 'PoolExhausted',
      message: 'no free IPv4 address for zone a: 10.10.0.0/30 has no free address left: add a range, or free addresses',
    });
  });

  it('and in IPv6 the anycast address of its routers is given to nobody', async () => {
    const fake = await open();
    const { ranges } = await pool(fake).look();
    const [given] = allocate([{ node: 'node-1', zone: 'b' }], ranges, new Set());
    assert.deepEqual(given?.outcome === 'allocated' && given.addresses.map(({ address }) => address.text), ['fd00:100::2']);
  });
});

async function freePort(): Promise<number> {
  const server = createHttpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
