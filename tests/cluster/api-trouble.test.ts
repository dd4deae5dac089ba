import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installFix } from '../../src/cluster/api-trouble.ts';

test('a type that is not served: ours is installed, one of a newer Kubernetes is named with its version', () => {
  const fix = (apiVersion: string, kind: string): string => installFix({ apiVersion, kind });
  assert.equal(fix('fairlead.dev/v1alpha1', 'StaticRoute'), 'run: fairlead crds | kubectl apply --server-side -f -');
  assert.equal(fix('networking.k8s.io/v1', 'ServiceCIDR'), 'it is served since Kubernetes 1.33');
  assert.equal(fix('networking.k8s.io/v1', 'Ingress'), 'see whether the API server serves networking.k8s.io/v1');
});
