import { after, before, describe } from 'node:test';
import { describeApiClient } from '../../../src/cluster/api-client.contract.ts';
import { describeSource } from '../../../src/cluster/cluster.contract.ts';
import { type ControlPlane, startControlPlane } from '../../lab/control-plane.ts';
import { apiHarness, installTypes, sourceHarness } from './real-stage.ts';

describe('on a real API server', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
    await installTypes(plane);
  });
  after(() => plane.stop());

  describeApiClient('the HTTP/2 client', () => apiHarness(plane));
  describeSource('a Kubernetes cluster', () => sourceHarness(plane));
});
