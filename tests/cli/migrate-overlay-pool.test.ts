import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXIT } from '../../src/cli/command.ts';
import {
  address,
  agents,
  configMap,
  controller,
  fromSecret,
  migrate,
  phpIPAM,
  route,
  settings,
  specOf,
  together,
} from './migrate-overlay-builders.ts';

describe('migrate the configuration of the overlay IP controller', () => {
  describe('a configuration that cannot be used', () => {
    const without = (key: string): string => settings.replace(new RegExp(`^  ${key}: .*\n`, 'm'), '');
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['not YAML', 'phpIPAM:\n  url: [\n', /^f1\.yaml:9: overlay-ip-config\.yaml: it is not YAML: /],
      ['a text', 'nothing\n', /^f1\.yaml:7: overlay-ip-config\.yaml: phpIPAM is missing or empty$/],
      ['empty', '{}\n', /^f1\.yaml:7: overlay-ip-config\.yaml: phpIPAM is missing or empty$/],
      [
        'not indented, as in its README',
        settings.replaceAll(/^ {2}/gm, ''),
        /^f1\.yaml:7: .* phpIPAM is missing or empty: what belongs to it stands beside it; indent that$/,
      ],
      ['no url', without('url'), /^f1\.yaml:8: overlay-ip-config\.yaml: phpIPAM\.url is missing$/],
      ['no appID', without('appID'), /^f1\.yaml:8: overlay-ip-config\.yaml: phpIPAM\.appID is missing$/],
      ['no subnetMap', 'phpIPAM:\n  url: https://i\n  appID: iks\n', /^f1\.yaml:8: .*phpIPAM\.subnetMap is empty: it names no subnet/],
      ['an empty subnetMap', 'phpIPAM:\n  url: https://i\n  appID: iks\n  subnetMap: {}\n', /^f1\.yaml:10: .*subnetMap is empty/],
      [
        'a zone without subnets',
        'phpIPAM:\n  url: https://i\n  appID: iks\n  subnetMap:\n    dal10:\n',
        /^f1\.yaml:11: .*zone dal10 is left out: it has no list/,
      ],
      [
        'a URL that is none',
        settings.replace('https://ipam.example.com', 'ipam'),
        /^f1\.yaml:6: the OverlayPool is left out: spec\.ipam\.phpIPAM\.url: /,
      ],
      [
        'the URL of the API',
        settings.replace('.com', '.com/api/iks'),
        /^f1\.yaml:6: the OverlayPool is left out: spec\.ipam\.phpIPAM\.url: .*https:\/\/ipam\.example\.com/,
      ],
    ];
    for (const [what, text, message] of cases) {
      it(what, async () => {
        const { status, objects, findings } = await migrate(together(configMap(text), route('r', { subnet: '192.168.0.0/24' })));
        assert.equal(status, EXIT.failed);
        assert.deepEqual(
          objects.map(({ kind }) => kind),
          ['StaticRoute'],
        );
        assert.match(findings[0] ?? '', message);
        assert.equal(findings.length, 1);
      });
    }

    it('no text at all', async () => {
      const { findings } = await migrate('kind: ConfigMap\nmetadata: {name: c}\ndata:\n  overlay-ip-config.yaml: [7]\n');
      assert.deepEqual(findings, ['f1.yaml:4: overlay-ip-config.yaml is not a text']);
    });

    it('subnets that are none are left out, with their line', async () => {
      const text = settings.replace('- 7', '- 7\n    - "10"\n    - pool\n    - 7\n    - 0');
      const ran = await migrate(configMap(text));
      assert.equal(ran.status, EXIT.failed);
      assert.deepEqual(phpIPAM(ran).subnetMap, { dal10: [7, 10], dal12: [8, 9] });
      const words = 'overlay-ip-config.yaml: phpIPAM.subnetMap';
      assert.deepEqual(ran.findings, [
        `f1.yaml:14: ${words}: "pool" of zone dal10 is left out: the ID of a subnet in phpIPAM is a whole number`,
        `f1.yaml:15: ${words}: 7 of zone dal10 is left out: it is there already`,
        `f1.yaml:16: ${words}: 0 of zone dal10 is left out: the ID of a subnet in phpIPAM is a whole number`,
      ]);
    });

    it('a second one: whose node was whose is not recorded', async () => {
      const { status, objects, findings } = await migrate(configMap(), configMap(settings, 'other'));
      assert.deepEqual([status, objects.length], [EXIT.failed, 1]);
      assert.match(
        findings.join(),
        /^f2\.yaml:6: a second configuration is left out: one is at f1\.yaml:6; migrate each with its own nodes/,
      );
    });

    it('finds the line also where the text is written in one', async () => {
      const text = JSON.stringify(
        { kind: 'ConfigMap', metadata: { name: 'c' }, data: { 'overlay-ip-config.yaml': 'phpIPAM:\n  url: [' } },
        null,
        2,
      );
      assert.match((await migrate(text)).findings.join(), /^f1\.yaml:7: overlay-ip-config\.yaml: it is not YAML/);
    });
  });

  describe('phpIPAM as a Service beside the older controller', () => {
    const url = async (text: string, namespace?: string): Promise<readonly [unknown, string]> => {
      const config = configMap(settings.replace('https://ipam.example.com', text));
      const ran = await migrate(namespace === undefined ? config : config.replace('metadata:\n', `metadata:\n  namespace: ${namespace}\n`));
      return [phpIPAM(ran).url, ran.notes.join('\n')];
    };

    it('is named with its namespace, and that is said', async () => {
      const [address, notes] = await url('http://phpipam:8080/base/', 'net');
      assert.equal(address, 'http://phpipam.net.svc:8080/base');
      assert.match(notes, /phpIPAM was called phpipam, which is a Service beside the older controller/);
    });

    it('is left to the reader where the namespace is not known', async () => {
      const [address, notes] = await url('http://phpipam');
      assert.equal(address, 'http://phpipam');
      assert.match(notes, /see that spec\.ipam\.phpIPAM\.url names its namespace too/);
    });

    it('is not confused with a host that all know', async () => {
      for (const text of ['https://ipam.example.com', 'http://10.0.0.7', 'http://localhost:8080']) {
        const [address, notes] = await url(text, 'net');
        assert.equal(address, text);
        assert.doesNotMatch(notes, /was called/);
      }
    });
  });

  describe('what its pods were told', () => {
    it('keeps the nodeSelector of its agents for the pool', async () => {
      const ran = await migrate(together(configMap(), agents({ nodeSelector: { edge: 'true' } })));
      assert.deepEqual((specOf(ran, 'OverlayPool') as Record<string, unknown>)['nodeSelector'], { matchLabels: { edge: 'true' } });
    });

    it('leaves the device to the defaults where its agents are not there', async () => {
      assert.equal('interface' in ((specOf(await migrate(configMap()), 'OverlayPool') as object) ?? {}), false);
    });

    it('says so when the device is not written there', async () => {
      const ran = await migrate(together(configMap(), agents({}, { valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } })));
      assert.deepEqual((specOf(ran, 'OverlayPool') as Record<string, unknown>)['interface'], { name: 'tmp0' });
      assert.match(ran.findings.join(), /^f1\.yaml:24: the variable INTERFACE has no plain value, so the device is not known/);
    });

    it('says so when the device is called as no device can be', async () => {
      const ran = await migrate(together(configMap(), agents({}, { value: 'eth0' }, { value: 'much-too-long-a-name' })));
      assert.equal(specOf(ran, 'OverlayPool'), undefined);
      assert.match(ran.findings.join(), /^f1\.yaml:6: the OverlayPool is left out: spec\.interface\.name: /);
    });
  });

  describe('the notes above the resources', () => {
    it('name the Secret by the Deployment, and never what is in it', async () => {
      const ran = await migrate(together(configMap(), controller(fromSecret('ipam', 'user'), fromSecret('ipam', 'pass'), 'net')));
      assert.equal(phpIPAM(ran).credentialsSecret, 'ipam');
      assert.match(
        ran.notes[1] ?? '',
        /^# 1\. Make the Secret ipam with the keys username and password in the namespace of Fairlead's controller, from its keys user and pass of the Secret ipam of namespace net\.$/,
      );
    });

    it('say when the Deployment is not there, or has no Secret', async () => {
      for (const document of ['kind: Service\n', controller({ value: 'admin' }, { value: 'hunter2' })]) {
        const { notes } = await migrate(together(configMap(), document));
        assert.match(notes[1] ?? '', /Secret phpipam-secret with the keys username and password .* from the same keys/);
        assert.match(notes[1] ?? '', /is what its manifest says/);
        assert.doesNotMatch(notes.join(), /hunter2/);
      }
    });

    it('give the order: stop, apply, delete the device, and the older objects last', async () => {
      const { notes } = await migrate(
        together(
          configMap(),
          agents({}, { value: 'eth0' }, { value: 'ovl0' }),
          controller(fromSecret('s', 'username'), fromSecret('s', 'password'), 'net'),
          address('n1', '192.168.100.4/24'),
        ),
      );
      assert.match(notes[0] ?? '', /^# Taken over from the overlay IP controller .* for 1 node\.$/);
      assert.match(
        notes[2] ?? '',
        /"kubectl scale -n net deployment overlay-ip-controller --replicas=0" and "kubectl delete daemonset overlay-network-pod"/,
      );
      assert.match(notes[3] ?? '', /^# 3\. Apply this\. .* older device ovl0/);
      assert.match(notes[4] ?? '', /"ip link delete ovl0"/);
      assert.match(notes[5] ?? '', /take the finalizers off the older objects, then delete them/);
      assert.equal(notes.length, 6);
    });

    it('cannot be broken out of by a name with a line end', async () => {
      const { notes, objects } = await migrate(together(configMap(), controller(fromSecret('s', 'u\nkind: Pod'), fromSecret('s', 'p'))));
      assert.match(notes[1] ?? '', /keys u kind: Pod and p/);
      assert.equal(objects.length, 1);
    });
  });
});
