import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SITE } from '../../../demo/topology.ts';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { until } from '../support.ts';
import { kernelRoute, ROUTES, readyOn, reportOf, saidOf, staticRoute, statusOf, statusText, untilOwn } from './support.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const OTHER = '192.168.60.0/24';
const THIRD = '192.168.70.0/24';

describe('definitions of the kinds', () => {
  let fleet: Fleet;
  const node = () => fleet.node('n1');

  before(async () => {
    fleet = await startFleet({ nodes: 1, controllers: 1, idle: true });
    await fleet.installRights();
  });
  after(() => fleet.close());

  /** Changes the schema of the status or spec of a kind. */
  async function patchSchema(plural: string, ...patch: readonly { op: 'add' | 'remove'; path: string; value?: object }[]): Promise<void> {
    const root = '/spec/versions/0/schema/openAPIV3Schema/properties';
    const operations = patch.map((operation) => ({ ...operation, path: `${root}/${operation.path}` }));
    await fleet.plane.api.patch(`${CRDS}/${plural}.fairlead.dev`, operations, 'json');
  }

  test('that are not installed are waited for: agent and controller say so, and go on by themselves', async () => {
    await fleet.start();
    await until(
      () => /staticroutes.fairlead.dev: .*404.*StaticRoute is not installed/.test(node().agent.words),
      () => fleet.log,
    );
    await until(
      () => /not installed/.test(fleet.controllers[0]?.words ?? ''),
      () => fleet.log,
    );
    await fleet.installDefinitions();
    await fleet.plane.api.post(ROUTES, staticRoute('on-prem'));
    await untilOwn(node(), [kernelRoute(SITE[4])]);
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(1));
    assert.equal((await reportOf(fleet, 'n1', ({ status }) => status.complete)).status.resources?.length, 1);
  });

  test('that are newer: a field that the agent does not know is an error of that object alone, whose last good version stays', async () => {
    await patchSchema('staticroutes', { op: 'add', path: 'spec/properties/encapsulation', value: { type: 'string' } });
    await fleet.plane.api.patch(`${ROUTES}/on-prem`, { spec: { subnets: [OTHER] } });
    await untilOwn(node(), [kernelRoute(OTHER)]);
    // For a moment after it has accepted a new schema, the server drops what it does not know, from what it stores and from what it tells.
    let edits = 0;
    await until(async () => {
      await fleet.plane.api.patch(`${ROUTES}/on-prem`, { spec: { encapsulation: `geneve-${++edits}` } });
      const { status } = await reportOf(fleet, 'n1', () => true);
      return status.resources?.[0]?.reason === 'InvalidSpec';
    });
    const { metadata } = await fleet.plane.api.patch(`${ROUTES}/on-prem`, { spec: { subnets: [SITE[4]] } });
    const { message } = await saidOf(fleet, 'n1', 'on-prem', ({ ready }) => !ready);
    assert.match(message, /unknown field "encapsulation"; the last good version stays in force/);

    await fleet.plane.api.post(ROUTES, staticRoute('other', { subnets: [THIRD] }));
    await untilOwn(node(), [kernelRoute(OTHER), kernelRoute(THIRD)]);
    await fleet.plane.api.until(`${ROUTES}/other`, readyOn(1));
    const route = await fleet.plane.api.until(
      `${ROUTES}/on-prem`,
      (object) => statusOf(object).observedGeneration === metadata.generation && statusOf(object).nodeStatus?.[0]?.reason === 'InvalidSpec',
    );
    assert.equal(statusText(route), '1 selected, 0 ready, 1 failed; n1 InvalidSpec');

    await fleet.plane.api.patch(`${ROUTES}/on-prem`, { spec: { encapsulation: null } });
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(1));
    await fleet.plane.api.delete(`${ROUTES}/other`);
    await untilOwn(node(), [kernelRoute(SITE[4])]);
  });

  test('that are older than the agent: routes work, the report says in the log why it cannot be written', async () => {
    await patchSchema('nodereports', { op: 'remove', path: 'status/properties/resources/items/properties/routes' });
    await fleet.plane.api.post(ROUTES, staticRoute('while-older', { subnets: [THIRD] }));
    await untilOwn(node(), [kernelRoute(SITE[4]), kernelRoute(THIRD)]);
    await until(
      () => /report .* not written: .*the definition of NodeReport is older than this program/.test(node().agent.words),
      () => node().agent.words,
    );
    await fleet.installDefinitions();
    await fleet.plane.api.until(`${ROUTES}/while-older`, readyOn(1));
  });
});
