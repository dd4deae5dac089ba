import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import { formatErrors } from '../../src/api/errors.ts';
import { overlayPoolKind, parseOverlayPool } from '../../src/api/kinds/overlay-pool.ts';
import { parseOverlayPoolStatus } from '../../src/api/kinds/overlay-pool-status.ts';
import type { OverlayPool } from '../../src/core/resources.ts';
import { REJECTED_POOLS } from './overlay-pool-rejections.ts';
import { object, plain } from './support.ts';

const EVERY_NODE = { matchLabels: {}, matchExpressions: [] };

for (const [name, [refused, text]] of Object.entries(REJECTED_POOLS)) {
  test(`OverlayPool refused: ${name}`, () => {
    const parsed = parseOverlayPool(refused, 'pool.yaml:1');
    assert.equal(parsed.ok ? 'accepted' : formatErrors(parsed.errors), text);
  });
}

function accepted(spec: unknown): OverlayPool {
  const parsed = parseOverlayPool(object('OverlayPool', spec, { name: 'default' }), 'pool.yaml:1');
  if (!parsed.ok) throw new Error(formatErrors(parsed.errors));
  return parsed.value;
}

function ofRange(change: object): OverlayPool {
  return accepted({ ipam: { cluster: { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1', ...change }] } } });
}

const IPAM = { ipam: { cluster: { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }] } } };

describe('an OverlayPool', () => {
  it('has defaults for what is absent', () => {
    assert.deepEqual(plain(accepted(IPAM)), {
      meta: { ref: { kind: 'OverlayPool', name: 'default' }, source: 'pool.yaml:1' },
      ipam: { type: 'cluster', ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude: [] }] },
      interface: { parent: { toward: '10.0.0.0/8' }, name: 'tmp0', type: 'Macvlan' },
      nodeSelector: EVERY_NODE,
      reclaimDelay: 600_000,
    });
  });

  it('gives everything that can be written, of both families', () => {
    const ranges = [
      { zone: 'eu-1a', subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude: ['192.168.100.0/28', '192.168.100.77'] },
      { subnet: '2001:DB8:100::/64', gateway: '2001:db8:100::', exclude: ['2001:db8:100::/120', '2001:db8:100::1:7'] },
    ];
    const pool = accepted({
      ipam: { cluster: { ranges } },
      interface: { parent: { name: 'eth1' }, name: 'overlay0', type: 'Address' },
      nodeSelector: { matchLabels: { overlay: 'yes' } },
      reclaim: { delay: '1h30m' },
    });
    assert.deepEqual(plain(pool.ipam), {
      type: 'cluster',
      ranges: [
        { zone: 'eu-1a', subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude: ['192.168.100.0/28', '192.168.100.77/32'] },
        { subnet: '2001:db8:100::/64', gateway: '2001:db8:100::', exclude: ['2001:db8:100::/120', '2001:db8:100::1:7/128'] },
      ],
    });
    assert.deepEqual(plain(pool.interface), { parent: { name: 'eth1' }, name: 'overlay0', type: 'Address' });
    assert.deepEqual(plain(pool.nodeSelector), { matchLabels: { overlay: 'yes' }, matchExpressions: [] });
    assert.equal(pool.reclaimDelay, 5_400_000);
  });

  for (const [what, change] of Object.entries({
    'the first address of a /31 as gateway': { subnet: '192.168.100.0/31', gateway: '192.168.100.0' },
    'the last address of a /31 as gateway': { subnet: '192.168.100.0/31', gateway: '192.168.100.1' },
    'the first address of a /127 as gateway': { subnet: '2001:db8::/127', gateway: '2001:db8::' },
    'the last address of an IPv6 subnet as gateway': { subnet: '2001:db8::/120', gateway: '2001:db8::ff' },
    'a /8 and its last host as gateway': { subnet: '10.0.0.0/8', gateway: '10.255.255.254' },
    'a gateway that ends in 255 and is a host': { subnet: '10.1.0.0/16', gateway: '10.1.0.255' },
    'a /7 of IPv6': { subnet: 'fc00::/7', gateway: 'fd00::1' },
    'an exclusion of the whole subnet': { exclude: ['192.168.100.0/24'] },
    'an exclusion twice': { exclude: ['192.168.100.7', '192.168.100.7'] },
    'a zone in capitals': { zone: 'EU_West.1-a' },
  })) {
    it(`may have ${what}`, () => assert.equal(ofRange(change).ipam.type, 'cluster'));
  }

  for (const [text, milliseconds] of [
    ['0s', 0],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1h0m1s', 3_601_000],
    ['8760h', 31_536_000_000],
    ['525600m', 31_536_000_000],
  ] as const) {
    it(`keeps addresses for ${text}`, () => assert.equal(accepted({ ...IPAM, reclaim: { delay: text } }).reclaimDelay, milliseconds));
  }

  it('of phpIPAM has defaults for what is absent', () => {
    const phpIPAM = { url: 'https://ipam.example.org/phpipam/', appID: 'k8s', subnetMap: { '*': [7] }, credentialsSecret: 'ipam' };
    assert.deepEqual(plain(accepted({ ipam: { phpIPAM } }).ipam), {
      type: 'phpIPAM',
      url: 'https://ipam.example.org/phpipam/',
      appID: 'k8s',
      subnetMap: { '*': [7] },
      auth: 'UserToken',
      credentialsSecret: 'ipam',
      insecureSkipTLSVerify: false,
    });
  });

  it('of phpIPAM gives everything that can be written, zones in their order', () => {
    const caBundle = '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n';
    const place = { url: 'http://10.1.0.9:8080', appID: 'k8s_1', subnetMap: { b: [9, 7], a: [8] } };
    const phpIPAM = { ...place, auth: 'None', credentialsSecret: 'ipam', caBundle };
    const { ipam } = accepted({ ipam: { phpIPAM } });
    assert.ok(ipam.type === 'phpIPAM');
    assert.deepEqual([...ipam.subnetMap], Object.entries(phpIPAM.subnetMap));
    assert.deepEqual([ipam.auth, ipam.caBundle, ipam.credentialsSecret], ['None', caBundle, 'ipam']);
  });

  it('is what the example of the reference page is', () => {
    assert.ok(parseOverlayPool(parse(overlayPoolKind.definition.example)).ok);
  });
});

describe('the status of an OverlayPool', () => {
  it('is read without what a newer controller adds', () => {
    const ledger = [{ address: '192.168.100.16', node: 'node-a', since: '2027-01-31T12:00:00Z', releasing: true, record: '105' }];
    const parsed = parseOverlayPoolStatus({ ledger: [{ ...ledger[0], mood: 'good' }], capacity: 253, weather: 'fine' });
    assert.deepEqual(parsed, { ok: true, value: { ledger, capacity: 253 } });
  });

  it('is empty where there is none', () => assert.deepEqual(parseOverlayPoolStatus(undefined), { ok: true, value: {} }));

  it('is refused with the place of what is wrong', () => {
    const parsed = parseOverlayPoolStatus({ ledger: [{ address: '192.168.100.16', since: 'today' }] });
    assert.ok(!parsed.ok);
    assert.equal(
      formatErrors(parsed.errors),
      'status.ledger[0].node: is missing\nstatus.ledger[0].since: "today" is not a time: write it as 2027-01-31T12:00:00Z',
    );
  });
});
