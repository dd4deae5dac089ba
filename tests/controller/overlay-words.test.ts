import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../src/cluster/api-client.ts';
import { type OverlayStage, overlayScenario as scenario } from './overlay-stage.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const YES = { overlay: 'yes' } as const;
const SELECTING = { nodeSelector: { matchLabels: YES }, reclaim: { delay: '0s' } } as const;

/** An agent that neither does nor says anything. */
function hush(stage: OverlayStage, node: string): void {
  stage.overlay.silent.add(node);
  const agent = stage.agents.get(node) ?? assert.fail();
  agent.dead = true;
}

const requestOf = (stage: OverlayStage, node: string): string | undefined => stage.ip(node)?.told.ready?.message;

describe('a silent agent', () => {
  it(
    'is named after fifteen seconds, with its address and the command, also to the node that waits for that',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', SELECTING);
      for (const name of ['n1', 'n2']) stage.join(name, YES);
      await stage.advance(5 * SECOND);
      hush(stage, 'n1');
      stage.putNode('n1');
      stage.join('n3', YES);
      stage.ask('n3', ['192.168.100.2/24']);
      await stage.advance(10 * SECOND);
      assert.equal(stage.message('default', 'degraded').startsWith('True AddressTaken'), true);
      assert.equal(
        requestOf(stage, 'n3'),
        '192.168.100.2 is being given back by node n1, and free once that is done; or delete this object and ask for another',
      );
      await stage.advance(10 * SECOND);
      const fix = 'see why the agent of node n1 is silent, or, when that node is gone for good, kubectl delete node n1';
      assert.equal(
        requestOf(stage, 'n3'),
        `192.168.100.2 is being given back by node n1, and free when its agent says that it is out of use: ${fix}`,
      );
      assert.ok(
        stage.message().endsWith(`; nobody else gets 192.168.100.2 of node n1 before its agent says that it is out of use: ${fix}`),
      );
      assert.ok(stage.message('default', 'ready').endsWith(`(n3): ${requestOf(stage, 'n3')}`));
      // Also when its NodeOverlayIP is let go.
      const said = stage.message();
      await stage.advance(6 * MINUTE, () => assert.equal(stage.message(), said));
      stage.removeNode('n1');
      await stage.advance(5 * SECOND);
      assert.equal(stage.state('n3'), '192.168.100.2 Granted InPlace');
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );

  it(
    'whose NodeOverlayIP somebody deletes is what the pool is not Ready for',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5 * SECOND);
      hush(stage, 'n1');
      stage.drop('n1');
      await stage.advance(20 * SECOND);
      const fix = 'see why the agent of node n1 is silent, or, when that node is gone for good, kubectl delete node n1';
      const words = `nobody else gets 192.168.100.2 of node n1 before its agent says that it is out of use: ${fix}`;
      assert.equal(stage.message('default', 'ready'), `False AgentSilent: ${words}`);
      assert.equal(stage.message(), `True AgentSilent: ${words}`);
    }),
  );

  it(
    'is not one that answers in time',
    scenario(0, async (stage) => {
      const process = stage.start();
      stage.putPool('default', SELECTING);
      stage.join('n1', YES);
      await stage.advance(5 * SECOND);
      stage.overlay.delay = () => 5 * SECOND;
      stage.putNode('n1');
      await stage.advance(MINUTE);
      assert.deepEqual(stage.ledger(), []);
      assert.deepEqual(process.events, []);
    }),
  );
});

describe('an agent that cannot take an address off', () => {
  it(
    'is quoted',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', SELECTING);
      stage.join('n1', YES);
      await stage.advance(5 * SECOND);
      stage.overlay.silent.add('n1');
      stage.putNode('n1');
      await stage.advance(SECOND);
      stage.say('n1', { status: 'True', reason: 'Removing', message: 'node n1 has it from somebody else' });
      await stage.advance(20 * SECOND);
      assert.equal(
        stage.message(),
        'True ReleaseFailed: 192.168.100.2 of node n1 cannot be given back yet: node n1 has it from somebody else',
      );
    }),
  );
});

describe('a device that fails', () => {
  it(
    'is a problem of the pool after ten seconds, which is Ready all the same',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5 * SECOND);
      for (const node of ['n2', 'n3']) stage.overlay.silent.add(node);
      stage.say('n2', { status: 'False', reason: 'AddressInUse', message: '192.168.100.3 answers already' });
      await stage.advance(8 * SECOND);
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
      await stage.advance(5 * SECOND);
      assert.equal(stage.message(), 'True DeviceFailing: node n2 does not use its address: AddressInUse: 192.168.100.3 answers already');
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address');
      stage.say('n3', { status: 'False', reason: 'Conflict', message: "ov0 is somebody else's" });
      await stage.advance(15 * SECOND);
      assert.equal(
        stage.message(),
        'True DeviceFailing: 2 nodes do not use their addresses (n2, n3); the first: AddressInUse: 192.168.100.3 answers already',
      );
      for (const node of ['n2', 'n3']) stage.say(node, { status: 'True', reason: 'InPlace', message: '' });
      await stage.advance(SECOND);
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );
});

describe('a controller that takes over', () => {
  /** What the pool says while one controller ends, and the next has been there already. */
  async function saidMeanwhile(stage: OverlayStage, trouble: () => void, spec = {}): Promise<readonly string[]> {
    const { controller } = stage.start('a');
    stage.putPool('default', spec);
    await stage.advance(5 * SECOND);
    trouble();
    stage.start('b');
    await stage.advance(30 * SECOND);
    const said = new Set<string>();
    const note = (): void => void said.add(`${stage.message('default', 'ready')}; ${stage.message()}`);
    note();
    await controller.close();
    await stage.advance(MINUTE, note);
    return [...said];
  }

  it(
    'says nothing else of an agent that is silent, or runs on without its Node',
    scenario(3, async (stage) => {
      const trouble = (): void => {
        hush(stage, 'n1');
        stage.drop('n1');
        stage.overlay.silent.add('n2');
        stage.forgetNode('n2');
        stage.agents.get('n2')?.look();
      };
      const said = await saidMeanwhile(stage, trouble, { reclaim: { delay: '0s' } });
      assert.match(
        said.join('\n'),
        /^False AgentSilent: nobody else gets 192\.168\.100\.2 of node n1, 192\.168\.100\.3 of node n2 before [^:]*: the first: see why the agent of node n1 [^\n]*$/,
      );
    }),
  );

  it(
    'says nothing else of a device that fails',
    scenario(1, async (stage) => {
      const trouble = (): void => {
        stage.overlay.silent.add('n1');
        stage.say('n1', { status: 'False', reason: 'Conflict', message: "ov0 is somebody else's" });
      };
      const said = await saidMeanwhile(stage, trouble);
      assert.match(said.join('\n'), /^True AllNodesServed[^;]*; True DeviceFailing: node n1 [^\n]*$/);
    }),
  );

  it(
    'says nothing else of a pool that has nothing left',
    scenario(2, async (stage) => {
      const ranges = [{ subnet: '192.168.100.0/30', gateway: '192.168.100.1' }];
      const said = await saidMeanwhile(stage, () => {}, { ranges });
      assert.match(said.join('\n'), /^False PoolExhausted: 1 node has no address \(n2\)[^\n]*$/);
    }),
  );
});

describe('two controllers that both lead', () => {
  it(
    'say the same of devices that fail, and write it once',
    scenario(0, async (stage) => {
      for (const name of ['n2', 'n3']) stage.join(name);
      stage.putPool();
      const one = stage.start('a', { namespace: 'x' });
      await stage.advance(5 * SECOND);
      stage.join('n1');
      await stage.advance(5 * SECOND);
      const other = stage.start('b', { namespace: 'y' });
      await stage.advance(5 * SECOND);
      for (const node of ['n1', 'n2', 'n3']) {
        stage.overlay.silent.add(node);
        stage.say(node, { status: 'False', reason: 'Conflict', message: `ov0 of ${node} is somebody else's` });
      }
      await stage.advance(30 * SECOND);
      const { version } = stage.pool();
      await stage.advance(MINUTE);
      assert.equal(stage.pool().version, version);
      assert.deepEqual(
        [one, other].map(({ controller }) => controller.leads),
        [true, true],
      );
    }),
  );
});

describe('a range that cannot be used', () => {
  it(
    'is told with its cause by whoever waits for it, once',
    scenario(1, async (stage) => {
      stage.start();
      stage.putNode('n1', { addresses: ['10.1.0.1'], podCIDRs: ['10.244.1.0/24'] });
      stage.putPool('default', { ranges: [{ subnet: '10.244.0.0/16', gateway: '10.244.0.1' }] });
      stage.join('n2');
      stage.ask('n2', ['10.244.0.9/16']);
      await stage.advance(5 * SECOND);
      const cause =
        'a range for nodes without a zone cannot be used: range 10.244.0.0/16 overlaps 10.244.1.0/24 of the pods of this cluster: nothing is given from it until one of the two is another';
      assert.equal(stage.message('default', 'ready'), `False RangeUnusable: 2 nodes have no address (n2, n1): ${cause}`);
      assert.equal(stage.message(), `True RangeUnusable: 2 nodes have no address (n2, n1): ${cause}`);
      assert.equal(requestOf(stage, 'n2'), cause);
    }),
  );
});

describe('a range of one family that cannot be used', () => {
  it(
    'is the one that is told to who asks for an address of that family',
    scenario(1, async (stage) => {
      stage.start();
      stage.putNode('n1', { addresses: ['10.1.0.1'], podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] });
      const ranges = [
        { subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
        { subnet: 'fd00:244::/32', gateway: 'fd00:244::1' },
      ];
      stage.putPool('default', { ranges });
      stage.join('n2');
      stage.ask('n2', ['fd00:244::9/32']);
      await stage.advance(5 * SECOND);
      assert.match(requestOf(stage, 'n2') ?? '', /cannot be used: range fd00:244::\/32 overlaps fd00:244:1::\/64 of the pods/);
    }),
  );
});

describe("two nodes that ask for each other's addresses", () => {
  it(
    'are told to free one first, and that way works',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5 * SECOND);
      for (const node of ['n1', 'n2']) stage.drop(node);
      await stage.advance(SECOND);
      stage.ask('n1', ['192.168.100.3/24']);
      stage.ask('n2', ['192.168.100.2/24']);
      await stage.advance(5 * SECOND);
      assert.equal(
        requestOf(stage, 'n1'),
        '192.168.100.3 is kept for node n2, which asks for another one by NodeOverlayIP n2.default, and has not got it: let it ask for a free one (kubectl delete nodeoverlayip n2.default, and create it with that), or delete this object',
      );
      assert.match(
        stage.message('default', 'ready'),
        /^False AddressTaken: 2 nodes have no address \(n1, n2\); the first: 192\.168\.100\.3 is kept for node n2/,
      );
      stage.drop('n2');
      stage.ask('n2', ['192.168.100.77/24']);
      await stage.advance(10 * SECOND);
      assert.deepEqual([stage.state('n1'), stage.state('n2')], ['192.168.100.3 Granted InPlace', '192.168.100.77 Granted InPlace']);
      stage.drop('n2');
      await stage.advance(SECOND);
      stage.ask('n2', ['192.168.100.2/24']);
      await stage.advance(5 * SECOND);
      assert.equal(stage.state('n2'), '192.168.100.2 Granted InPlace');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n2', '192.168.100.3 n1']);
    }),
  );
});

describe('two controllers to which the API server refuses the same', () => {
  it(
    'say the same of it, in whatever order they have tried',
    scenario(0, async (stage) => {
      for (const name of ['n1', 'n2', 'n3']) stage.join(name);
      const refusing = (identity: string, first: string): void => {
        const { api } = stage.start(identity, { namespace: identity });
        api.before = async ({ verb, resource, name }) => {
          if (verb !== 'create' || resource !== 'nodeoverlayips') return;
          if (name !== first) await new Promise<void>((resolve) => stage.after(50, resolve));
          throw new ApiError('no dots', { status: 422, reason: 'Invalid' });
        };
      };
      refusing('a', 'n1.default');
      refusing('b', 'n3.default');
      stage.putPool();
      await stage.advance(2 * MINUTE);
      const { version } = stage.pool();
      await stage.advance(5 * SECOND);
      assert.equal(stage.pool().version, version);
      const words = '3 nodes have no address (n1, n2, n3); the first: NodeOverlayIP n1.default is not written: no dots';
      assert.equal(stage.message(), `True WriteRefused: ${words}`);
    }),
  );
});

describe('what the API server refuses', () => {
  it(
    'is told by the pool in its words, until it does so no longer',
    scenario(2, async (stage) => {
      const { api } = stage.start();
      let refuses = true;
      api.before = ({ verb, resource, name }) => {
        if (refuses && verb === 'create' && resource === 'nodeoverlayips' && name === 'n1.default')
          throw new ApiError('policy "names" denied the request: no dots', { status: 422, reason: 'Invalid' });
      };
      stage.putPool();
      await stage.advance(10 * SECOND);
      const words = 'NodeOverlayIP n1.default is not written: policy "names" denied the request: no dots';
      assert.equal(stage.message('default', 'ready'), `False WriteRefused: 1 node has no address (n1): ${words}`);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      refuses = false;
      await stage.advance(MINUTE);
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address');
    }),
  );

  it(
    'is told no longer when it is not to be written any more',
    scenario(2, async (stage) => {
      const { api } = stage.start();
      stage.putPool();
      await stage.advance(5 * SECOND);
      api.before = ({ verb, resource, name }) => {
        if (verb === 'apply' && resource === 'nodeoverlayips/status' && name === 'n1.default')
          throw new ApiError('policy "zones" denied the request', { status: 403, reason: 'Forbidden' });
      };
      stage.putNode('n1', { labels: { 'topology.kubernetes.io/zone': 'b' } });
      await stage.advance(5 * SECOND);
      assert.equal(stage.message(), 'True WriteRefused: NodeOverlayIP n1.default is not written: policy "zones" denied the request');
      stage.putNode('n1');
      await stage.advance(5 * SECOND);
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );

  it(
    'is told no longer of a node that is to have no address any more',
    scenario(0, async (stage) => {
      const { api } = stage.start();
      api.before = ({ verb, resource }) => {
        if (verb === 'create' && resource === 'nodeoverlayips') throw new ApiError('no dots', { status: 422, reason: 'Invalid' });
      };
      stage.putPool('default', { ...SELECTING, reclaim: { delay: '1h' } });
      stage.join('n1', YES);
      await stage.advance(5 * SECOND);
      assert.equal(
        stage.message('default', 'ready'),
        'False WriteRefused: 1 node has no address (n1): NodeOverlayIP n1.default is not written: no dots',
      );
      stage.putNode('n1');
      await stage.advance(5 * SECOND);
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );
});
