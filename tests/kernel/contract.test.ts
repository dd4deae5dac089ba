import assert from 'node:assert/strict';
import type { Change } from '../../src/core/change.ts';
import { LINK_MARK } from '../../src/core/facts.ts';
import { LINK_ARP } from '../../src/core/plan.ts';
import type { KernelHarness } from '../../src/kernel/contract/harness.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';
import { kernelContract } from '../../src/kernel/kernel.contract.ts';
import { Namespace } from './namespace.ts';

const NEIGHBOUR = '02:00:5e:00:53:01';

kernelContract('FakeKernel', async () => fakeHarness(new FakeKernel()));
kernelContract('LinuxKernel', () => Namespace.create());

function fakeHarness(kernel: FakeKernel): KernelHarness {
  return {
    kernel,
    addLink: (name) => kernel.addLink(name),
    setLinkUp: (name, up) => kernel.setLinkUp(name, up),
    removeLink: (name) => kernel.removeLink(name),
    renameLink: (name, to) => kernel.renameLink(name, to),
    setCarrier: (name, carrier) => kernel.setLinkCarrier(name, carrier),
    setLinkMtu: (name, mtu) => kernel.setLinkMtu(name, mtu),
    setLinkAlias: (name, alias) => kernel.setLinkAlias(name, alias === '' ? undefined : alias),
    setLinkMac: (name, mac) => kernel.setLinkMac(name, mac),
    rewriteAddress: (device, text) => kernel.rewriteAddress(device, text),
    addAddress: (device, text) => kernel.addAddress(device, text),
    removeAddress: (device, text) => kernel.removeAddress(device, text),
    addRoute: (route) => kernel.addRoute(route),
    replaceRoute: (route) => kernel.replaceRoute(route),
    deleteRoute: (route) => kernel.deleteRoute(route),
    setRpFilter: (device, value) => kernel.setRpFilter(device, value),
    setSysctl: (device, name, value) => kernel.setSysctl(device, name, value),
    answerFor: (device, address) => {
      kernel.answerFor(device, address, NEIGHBOUR);
      return NEIGHBOUR;
    },
    earlier: (changes) => {
      for (const change of changes) earlier(kernel, change);
    },
    addRule: (rule) => kernel.addRule(rule),
    reread: () => kernel.observe(),
    close: () => kernel.close(),
  };
}

function earlier(kernel: FakeKernel, change: Change): void {
  if (change.op === 'add-address') {
    const { device, address, prefixLength } = change.address;
    kernel.addAddress(device.name, `${address}/${prefixLength}`, { ours: true });
  } else if (change.op === 'add-link') {
    const { name, parent, mtu, pool } = change.link;
    kernel.addLink(name, { ...LINK_ARP, parent: parent.index, mtu, kind: 'macvlan', alias: `${LINK_MARK}${pool}` });
  } else assert.fail(`an earlier process does not ${change.op}`);
}
