import type { KernelHarness } from '../../src/kernel/contract/harness.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';
import { kernelContract } from '../../src/kernel/kernel.contract.ts';
import { Namespace } from './namespace.ts';

kernelContract('FakeKernel', async () => fakeHarness(new FakeKernel()));
kernelContract('LinuxKernel', () => Namespace.create());

function fakeHarness(kernel: FakeKernel): KernelHarness {
  return {
    kernel,
    addLink: (name) => kernel.addLink(name),
    setLinkUp: (name, up) => kernel.setLinkUp(name, up),
    removeLink: (name) => kernel.removeLink(name),
    addAddress: (device, text) => kernel.addAddress(device, text),
    removeAddress: (device, text) => kernel.removeAddress(device, text),
    addRoute: (route) => kernel.addRoute(route),
    replaceRoute: (route) => kernel.replaceRoute(route),
    deleteRoute: (route) => kernel.deleteRoute(route),
    setRpFilter: (device, value) => kernel.setRpFilter(device, value),
    addRule: (rule) => kernel.addRule(rule),
    reread: () => kernel.observe(),
    close: () => kernel.close(),
  };
}
