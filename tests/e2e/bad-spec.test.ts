import assert from 'node:assert/strict';
import { besideGood } from './beside-good.ts';
import { staticRoute, wanted } from './support.ts';

/** What is refused when it is read: subnets and the rest of the spec, and what the message must say. */
const REFUSED: Readonly<Record<string, readonly [subnets: readonly string[], message: RegExp, spec?: object]>> = {
  'host bits, IPv4': [['172.16.5.9/16'], /host bits.*172\.16\.0\.0\/16/],
  'host bits, IPv6': [['2001:db8:9::1/48'], /host bits.*2001:db8:9::\/48/],
  'IPv4-mapped IPv6': [['::ffff:172.16.0.0/112'], /IPv4-mapped/],
  'zero length, IPv4': [['0.0.0.0/0'], /\/8 is the shortest/],
  'zero length, IPv6': [['::/0'], /\/7 the shortest/],
  'no length': [['172.16.0.1'], /172\.16\.0\.1\/32/],
  'no prefix at all': [['on-prem'], /"on-prem"/],
  loopback: [['127.1.0.0/16'], /loopback/],
  'link-local': [['fe80:1::/64'], /link-local/],
  multicast: [['239.0.0.0/8'], /multicast/],
  'one prefix twice': [['172.16.0.0/16', '172.17.0.0/16', '172.16.0.0/16'], /172\.16\.0\.0\/16 is already in spec\.subnets\[0\]/],
  'one prefix twice, written differently': [['2001:db8:9::/48', '2001:DB8:9:0::/48'], /already in spec\.subnets\[0\]/],
  'no subnet': [[], /spec\.subnets/],
  'two ways': [['172.16.0.0/16'], /gateway and device/, { via: { gateway: '10.1.0.1', device: 'eth1' } }],
  'a gateway that is no address': [['172.16.0.0/16'], /spec\.via\.gateway/, { via: { gateway: '10.1.0.300' } }],
  'a gateway for everybody': [['172.16.0.0/16'], /not the address of one host/, { via: { gateway: '0.0.0.0' } }],
  'a metric of 0': [['172.16.0.0/16'], /spec\.metric/, { metric: 0 }],
  'a field that nobody knows': [['172.16.0.0/16'], /metrik.*metric/s, { metrik: 7 }],
};

/** All are written at once: a report is written once a second. */
const FILES = Object.entries(REFUSED).map(([name, [subnets, message, spec]], i) => ({
  name,
  message,
  resource: `bad-${i}`,
  text: staticRoute(`bad-${i}`, subnets, spec),
}));

besideGood('a spec that is wrong in itself is refused alone', {
  'all kinds of them': async ({ agent, says, routes, recovered }, t) => {
    for (const { resource, text } of FILES) agent.write(`${resource}.yaml`, text);
    for (const { name, resource, message } of FILES) {
      await t.test(name, async () => {
        const { ready, message: words } = await says(resource, 'InvalidSpec', message);
        assert.equal(ready, false);
        assert.ok(words.startsWith(`${resource}.yaml:1: `), words);
      });
    }
    await routes();
    for (const { resource } of FILES) agent.remove(`${resource}.yaml`);
    await recovered();
  },
});

besideGood('a spec that becomes wrong', {
  'keeps its last good version, says so, and counts again when it is mended': async ({ agent, says, routes, recovered }) => {
    agent.write('edited.yaml', staticRoute('edited', ['172.16.0.0/16']));
    await says('edited', 'Ready');
    agent.write('edited.yaml', staticRoute('edited', ['172.16.0.0/16', '172.17.0.1/16']));
    await says('edited', 'InvalidSpec', /172\.17\.0\.0\/16.*last good version stays in force/s);
    await routes(...wanted(['172.16.0.0/16']));
    agent.write('edited.yaml', staticRoute('edited', ['172.17.0.0/16']));
    await says('edited', 'Ready');
    await routes(...wanted(['172.17.0.0/16']));
    agent.remove('edited.yaml');
    await recovered();
  },
});
