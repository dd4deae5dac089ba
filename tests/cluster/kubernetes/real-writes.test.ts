import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { withFittingLists } from '../../../src/agent/report-size.ts';
import { type NodeReport, nodeReportKind } from '../../../src/api/kinds/node-report.ts';
import type { ApiClient, ResourceType } from '../../../src/cluster/api-client.ts';
import { ReportFailed } from '../../../src/cluster/cluster.ts';
import { openEvents } from '../../../src/cluster/kubernetes/events.ts';
import { openReportSink } from '../../../src/cluster/kubernetes/sink.ts';
import { ManualClock } from '../../agent/clock.ts';
import { hugeLists } from '../../agent/huge-report.ts';
import { type ControlPlane, startControlPlane } from '../../lab/control-plane.ts';
import { REPORTS } from './cluster-stage.ts';
import { connect, untilServed } from './real-stage.ts';

const EVENTS: ResourceType = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true };
const REPORT: NodeReport = parse(nodeReportKind.example);

describe('on a real API server', () => {
  let plane: ControlPlane;
  let client: ApiClient;
  before(async () => {
    plane = await startControlPlane();
    client = await connect(plane);
  });
  after(async () => {
    await client.close();
    await plane.stop();
  });

  it('a report needs the CRD, is made once, then only its status is written', async () => {
    const sink = openReportSink(client);
    await assert.rejects(
      sink.write(REPORT),
      (error) => error instanceof ReportFailed && /NodeReport is not installed: run: fairlead crds/.test(error.message),
    );
    await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds/nodereports.fairlead.dev.yaml']);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    await untilServed(client, REPORTS);
    await sink.write(REPORT);
    const written = await client.get(REPORTS, REPORT.metadata);
    assert.deepEqual(written['status'], REPORT.status);
    await sink.write({ ...REPORT, status: { ...REPORT.status, problems: [{ source: 'x', message: 'y' }] } });
    const { metadata, ...fields } = await client.get(REPORTS, REPORT.metadata);
    assert.deepEqual((fields['status'] as NodeReport['status']).problems, [{ source: 'x', message: 'y' }]);
    assert.equal(metadata.uid, written.metadata.uid);
    await client.delete(REPORTS, REPORT.metadata);
    await sink.write(REPORT);
    assert.deepEqual((await client.get(REPORTS, REPORT.metadata))['status'], REPORT.status);
  });

  it('a report that does not fit the CRD says so', async () => {
    for (const [odd, expected] of [
      [{ resources: [{ kind: 7 }] }, /the CRDs may be of another version than this agent: run: fairlead crds/],
      [{ invented: 1 }, /the definition of NodeReport is older than this program: run: fairlead crds/],
    ] as const) {
      const status = { ...REPORT.status, ...odd } as unknown as NodeReport['status'];
      await assert.rejects(openReportSink(client).write({ ...REPORT, status }), expected);
    }
  });

  it('a report that is too large says so', async () => {
    const problems = Array.from({ length: 4_000 }, (_, i) => ({ source: `${i}`, message: 'm'.repeat(1_000) }));
    await assert.rejects(
      openReportSink(client).write({ ...REPORT, status: { ...REPORT.status, problems } }),
      (error) => error instanceof ReportFailed && /too (many|large|long|big)/i.test(error.message),
    );
  });

  it('a report about more resources than one object holds is written, too', async () => {
    const status = { ...REPORT.status, ...withFittingLists(hugeLists(16_000, 16_000), REPORT.metadata.name) };
    await openReportSink(client).write({ ...REPORT, status });
    const written = await client.get(REPORTS, REPORT.metadata);
    assert.deepEqual(written['status'], status);
  });

  it('events are seen beside their object, and counted', async () => {
    const clock = new ManualClock();
    const warnings: string[] = [];
    const sink = openEvents({ client, reporter: { role: 'agent', name: 'n1' }, clock, warn: (text) => warnings.push(text) });
    const about = { apiVersion: REPORT.apiVersion, kind: REPORT.kind, name: REPORT.metadata.name };
    const event = { about, type: 'Warning', reason: 'NoGateway', message: 'node n1: no gateway' } as const;
    const written = async (count: number | undefined): Promise<void> => {
      for (;;) {
        assert.deepEqual(warnings, []);
        const { items } = await client.list(EVENTS, { namespace: 'default' });
        const ours = items.find((item) => item['reason'] === 'NoGateway');
        const series = ours?.['series'] as { readonly count: number } | undefined;
        if (ours && series?.count === count) return;
      }
    };
    sink.record(event);
    await written(undefined);
    await clock.advance(31_000, async () => {});
    sink.record(event);
    await written(2);
    await clock.advance(31_000, async () => {});
    sink.record(event);
    await written(3);
    sink.record({ ...event, message: 'ä'.repeat(2_000), about: { ...about, name: 'n'.repeat(253) } });
    sink.record({ ...event, reason: 'Mended', type: 'Normal' });
    const described = async (): Promise<string> => plane.kubectl(['events', '--for', `nodereport/${REPORT.metadata.name}`]);
    while (!/Mended/.test(await described())) assert.deepEqual(warnings, []);
    assert.match(await described(), /Warning +NoGateway +NodeReport\/node-a +node n1: no gateway/);
  });
});
