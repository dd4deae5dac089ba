import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentOptions, startAgent } from '../lab/agent.ts';
import { createNode, documents, GATEWAY, staticRoute, untilRoutes, wanted } from './support.ts';

const V6 = '2001:db8:30::/48';
const LINK_LOCAL = { via: { gateways: [{ address: GATEWAY[4] }, { address: 'fe80::1', device: 'eth1' }] } };

/** Many routes before and after one that the kernel refuses, so that it is in the middle of a batch. */
const BEFORE = Array.from({ length: 150 }, (_, i) => `172.20.${i}.0/24`);
const AFTER = Array.from({ length: 150 }, (_, i) => `172.21.${i}.0/24`);

test('IPv6 is switched off on the device: that route is named with the words of the kernel, all others are in force', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  await node.setSysctl('net.ipv6.conf.eth1.disable_ipv6', 1);
  const agent = await startAgent(node, agentOptions(lab));
  const middle = staticRoute('middle', ['172.30.0.0/16', V6], LINK_LOCAL);
  agent.write('all.json', documents(staticRoute('a', BEFORE), middle, staticRoute('z', AFTER)));
  await untilRoutes(node, wanted([...BEFORE, '172.30.0.0/16', ...AFTER]));
  await agent.waitForResource('middle', ({ reason, message }) => {
    return (
      reason === 'KernelRefused' && message.includes(`${V6} via fe80::1 dev eth1`) && /IPv6 is disabled on nexthop device/i.test(message)
    );
  });
  for (const name of ['a', 'z']) assert.equal(agent.resource(name)?.ready, true);

  await node.setSysctl('net.ipv6.conf.eth1.disable_ipv6', 0);
  await agent.waitForResource('middle', ({ ready }) => ready);
  await untilRoutes(node, [...wanted([...BEFORE, '172.30.0.0/16', ...AFTER]), `${V6} via fe80::1 dev eth1 metric 4201`]);
});

test('an on-link gateway that the kernel finds impossible is named with its words, and tried again', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await startAgent(node, agentOptions(lab));
  const broadcast = { via: { gateways: [{ address: '10.1.0.255', device: 'eth1', onLink: true }] } };
  agent.write(
    'all.json',
    documents(staticRoute('a', BEFORE), staticRoute('middle', ['172.30.0.0/16'], broadcast), staticRoute('z', AFTER)),
  );
  await agent.waitForResource('middle', ({ reason, message }) => {
    return reason === 'KernelRefused' && /172\.30\.0\.0\/16 via 10\.1\.0\.255 dev eth1 onlink.*invalid gateway.*tried again/.test(message);
  });
  await untilRoutes(node, wanted([...BEFORE, ...AFTER]));
  agent.write('all.json', documents(staticRoute('a', BEFORE), staticRoute('middle', ['172.30.0.0/16'])));
  await untilRoutes(node, wanted([...BEFORE, '172.30.0.0/16']));
  assert.equal(agent.resource('a')?.ready, true);
});

test('a preferred source that goes away takes its routes along, is named, and brings them back', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  await node.ip('addr add 10.1.0.77/32 dev eth1');
  const agent = await startAgent(node, agentOptions(lab));
  agent.write('all.json', documents(staticRoute('plain', BEFORE), staticRoute('sourced', AFTER, { source: '10.1.0.77' })));
  await untilRoutes(node, wanted([...BEFORE, ...AFTER]));
  await node.ip('addr del 10.1.0.77/32 dev eth1');
  await agent.waitForResource('sourced', ({ reason, message }) => reason === 'SourceNotLocal' && message.includes('10.1.0.77'));
  await untilRoutes(node, wanted(BEFORE));
  assert.equal(agent.resource('plain')?.ready, true);
  await node.ip('addr add 10.1.0.77/32 dev eth1');
  await agent.waitForResource('sourced', ({ ready }) => ready);
  await untilRoutes(node, wanted([...BEFORE, ...AFTER]));
});
