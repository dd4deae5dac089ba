import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeView } from '../../src/controller/views.ts';

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', uid: 'u', resourceVersion: '1', labels: { zone: 'a', role: 'worker' } },
  spec: { podCIDRs: ['10.244.1.0/24'] },
  status: {
    addresses: [{ type: 'InternalIP', address: '10.1.0.1' }],
    conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2027-01-01T00:00:00Z' }],
  },
};

test('a heartbeat of a kubelet is no news of a Node, and all that decides is', () => {
  const before = nodeView(NODE);
  const { metadata, status } = NODE;
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2027-01-01T00:05:00Z' }];
  const beat = {
    ...NODE,
    metadata: { ...metadata, resourceVersion: '2', labels: { role: 'worker', zone: 'a' } },
    status: { ...status, conditions },
  };
  assert.equal(nodeView(beat, before), before);
  const news = [
    { ...NODE, metadata: { ...metadata, uid: 'v' } },
    { ...NODE, metadata: { ...metadata, labels: { zone: 'b', role: 'worker' } } },
    { ...NODE, metadata: { ...metadata, labels: { zone: 'a' } } },
    { ...NODE, spec: { podCIDRs: ['10.244.2.0/24'] } },
    { ...NODE, status: { ...status, addresses: [] } },
    { ...NODE, status: { ...status, conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } },
  ];
  for (const node of news) assert.deepEqual(nodeView(node, before), nodeView(node));
  for (const node of news) assert.notEqual(nodeView(node, before), before);
});
