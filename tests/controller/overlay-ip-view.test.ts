import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipView } from '../../src/controller/overlay/ip-view.ts';

test('a device is in place only when its agent says so, and not while an older address is being taken from it', () => {
  const device = (status: string, reason: string) => {
    const deviceReady = { type: 'DeviceReady', status, reason, message: '', lastTransitionTime: '2027-01-01T00:00:00Z' };
    return ipView({
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'NodeOverlayIP',
      metadata: { name: 'n1.default', uid: 'u1', resourceVersion: '1' },
      spec: { node: 'n1', pool: 'default', addresses: ['192.168.100.4/24'] },
      status: { conditions: [deviceReady] },
    }).device;
  };
  assert.equal(device('True', 'InPlace'), 'InPlace');
  assert.equal(device('True', 'Removing'), 'Failing');
  assert.equal(device('False', 'Removed'), 'Removed');
  assert.equal(device('False', 'Duplicate'), 'Failing');
});
