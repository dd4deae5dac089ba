import assert from 'node:assert/strict';
import { besideGood } from './beside-good.ts';
import { GATEWAY, OTHER_GATEWAY, staticRoute, wanted } from './support.ts';

const BOTH = ['172.16.0.0/16', '2001:db8:16::/48'];

function via(name: string, way: object, subnets: readonly string[] = BOTH, spec: object = {}): string {
  return staticRoute(name, subnets, { via: way, ...spec });
}

const [V4 = '', V6 = ''] = BOTH;

/** Ways that lead nowhere on this node, and what it says about them. Subnets of the other family are not touched by that. */
const NO_WAY: Readonly<
  Record<string, readonly [text: (name: string) => string, reason: string, message: RegExp, routes?: readonly string[]]>
> = {
  'not-on-link-4': [
    (name) => via(name, { gateway: '192.0.2.1' }, [V4]),
    'GatewayNotOnLink',
    /192\.0\.2\.1.*connected to .*10\.1\.0\.0\/24 on eth1/,
  ],
  'not-on-link-6': [(name) => via(name, { gateway: '2001:db8:77::1' }, [V6]), 'GatewayNotOnLink', /2001:db8:77::1.*fd00:1::\/64 on eth1/],
  'wrong-device': [
    (name) => via(name, { gateways: [{ address: GATEWAY[4], device: 'eth0' }] }, [V4]),
    'GatewayNotOnLink',
    /on device eth0/,
  ],
  'own-address-4': [
    (name) => via(name, { gateway: '10.1.0.10' }, [V4]),
    'GatewayIsLocal',
    /10\.1\.0\.10 is an address of node node itself/,
  ],
  'own-address-6': [(name) => via(name, { gateway: 'fd00:1::10' }, [V6]), 'GatewayIsLocal', /fd00:1::10 is an address of node node itself/],
  'own-gateway-4': [
    (name) => via(name, { gateway: '10.1.0.1' }, ['10.1.0.0/28']),
    'GatewayLoop',
    /10\.1\.0\.0\/28.*own gateway 10\.1\.0\.1/,
  ],
  'own-gateway-6': [(name) => via(name, { gateway: 'fd00:1::1' }, ['fd00:1::/96']), 'GatewayLoop', /fd00:1::\/96.*own gateway fd00:1::1/],
  'no-covering-4': [
    (name) => via(name, { discover: { toward: ['192.168.0.0/16'] } }, [V4]),
    'NoCoveringRoute',
    /0\.0\.0\.0\/0.*via\.gateway/,
  ],
  'no-covering-6': [(name) => via(name, { discover: { toward: ['2001:db8::/32'] } }, [V6]), 'NoCoveringRoute', /::\/0.*via\.gateway/],
  'no-pool': [(name) => via(name, { overlay: { pool: 'default' } }), 'NoOverlayAddress', /no address of an OverlayPool "default"/],
  'no-source': [
    (name) => via(name, { gateway: GATEWAY[4] }, [V4], { source: '10.1.0.99' }),
    'SourceNotLocal',
    /10\.1\.0\.99 is not an address/,
  ],
};

besideGood('a spec that the node cannot follow is refused alone', {
  'all kinds of them': async ({ agent, says, routes, recovered }, t) => {
    for (const [name, [text]] of Object.entries(NO_WAY)) agent.write(`${name}.yaml`, text(name));
    for (const [name, [, reason, message]] of Object.entries(NO_WAY)) {
      await t.test(name, async () => assert.equal((await says(name, reason, message)).ready, false));
    }
    await routes();
    for (const name of Object.keys(NO_WAY)) agent.remove(`${name}.yaml`);
    await recovered();
  },

  'one family without a gateway: the other one is in force': async ({ agent, says, routes, recovered }) => {
    agent.write('four.yaml', via('four', { gateway: GATEWAY[4] }));
    await says('four', 'NoGatewayForFamily', /IPv6/);
    await routes(...wanted([V4]));
    agent.write('four.yaml', via('four', { gateway: GATEWAY[6] }));
    await says('four', 'NoGatewayForFamily', /IPv4/);
    agent.remove('four.yaml');
    await recovered();
  },
});

besideGood('a device', {
  'that is missing, is down, appears, and goes again': async ({ node, agent, says, routes, recovered }) => {
    agent.write('late.yaml', via('late', { device: 'late0' }));
    await says('late', 'DeviceMissing', /no device late0 \(it has .*eth0.*eth1/);
    await routes();
    await node.ip('link add late0 type veth peer name late1');
    await says('late', 'DeviceDown', /late0 .*is down.*ip link set late0 up/);
    await routes();
    await node.ip('link set late1 up');
    await node.ip('link set late0 up');
    await says('late', 'Ready');
    await routes(...BOTH.map((subnet) => `${subnet} dev late0 metric 4201`));
    await node.ip('link del late0');
    await says('late', 'DeviceMissing');
    agent.remove('late.yaml');
    await recovered();
  },

  'that is renamed': async ({ node, agent, says, routes, recovered }) => {
    await node.ip('link add one0 type veth peer name one1');
    for (const device of ['one0', 'one1']) await node.ip(`link set ${device} up`);
    agent.write('named.yaml', via('named', { device: 'two0' }));
    await says('named', 'DeviceMissing');
    await node.ip('link set one0 down');
    await node.ip('link set one0 name two0');
    await node.ip('link set two0 up');
    await says('named', 'Ready');
    await routes(...BOTH.map((subnet) => `${subnet} dev two0 metric 4201`));
    agent.remove('named.yaml');
    await recovered();
    await node.ip('link del two0');
  },
});

besideGood('two objects that want the same prefix', {
  'the first by name wins, the other names it, keeps its other prefixes, and takes over without a gap': async ({
    agent,
    monitor,
    says,
    routes,
    recovered,
  }) => {
    const shared = BOTH;
    agent.write(
      'b.yaml',
      via('b', { gateways: [{ address: OTHER_GATEWAY[4] }, { address: OTHER_GATEWAY[6] }] }, [...shared, '172.17.0.0/16']),
    );
    await says('b', 'Ready');
    agent.write('a.yaml', staticRoute('a', shared));
    await says('b', 'Conflict', /172\.16\.0\.0\/16.*StaticRoute a/);
    await says('a', 'Ready');
    await routes(...wanted(shared), ...wanted(['172.17.0.0/16'], OTHER_GATEWAY));
    agent.remove('a.yaml');
    await says('b', 'Ready');
    await routes(...wanted([...shared, '172.17.0.0/16'], OTHER_GATEWAY));
    const gaps = (await monitor.deletions()).filter((prefix) => shared.includes(prefix));
    assert.deepEqual(gaps, []);
    agent.remove('b.yaml');
    await recovered();
  },
});
