import { API_VERSION } from '../api/define-kind.ts';
import { formatErrors } from '../api/errors.ts';
import { nodeOverlayIPName, parseNodeOverlayIP } from '../api/kinds/node-overlay-ip.ts';
import { ADOPT } from '../controller/overlay/names.ts';
import { POOL } from './migrate-overlay-pool.ts';
import { type Finding, firstLine, type Located, textAt } from './migrated.ts';

/** The group and version of both kinds of the overlay IP controller. */
export const OLDER_API = 'iks.ibm.com/v1alpha1';

/** What `kubectl get` calls it; the name is that of its node. */
export function isNodeOverlayIp({ object }: Located): boolean {
  return object['apiVersion'] === OLDER_API && object['kind'] === 'NodeOverlayIp';
}

export interface MigratedAddresses {
  readonly resources: readonly object[];
  readonly findings: readonly Finding[];
}

/** One address as a node has it. */
interface Held {
  readonly from: Located;
  readonly node: string;
  /** `192.168.100.4/24`, in canonical form. */
  readonly address: string;
}

/**
 * A NodeOverlayIP for each node with exactly the address that it has, taken over at phpIPAM. An address that two nodes have is given to
 * neither: which of them it is recorded for, phpIPAM alone knows. `nodes`: the Nodes of the cluster, where they are known.
 */
export function migrateAddresses(objects: readonly Located[], nodes: ReadonlySet<string> | undefined): MigratedAddresses {
  const read = objects.map((object) => readHeld(object, nodes));
  const held = read.flatMap((each) => ('message' in each ? [] : [each]));
  const findings = read.flatMap((each) => ('message' in each ? [each] : []));
  const { fine, twice } = apart(held);
  return { resources: fine.map(({ node, address }) => nodeOverlayIP(node, address)), findings: [...findings, ...twice] };
}

function readHeld(from: Located, nodes: ReadonlySet<string> | undefined): Held | Finding {
  const node = textAt(from.object, 'metadata', 'name') ?? '';
  const text = textAt(from.object, 'status', 'ipAddr');
  const refuse = (message: string): Finding => ({
    where: from.where('status', 'ipAddr'),
    message: firstLine(`NodeOverlayIp ${node} is left out: ${message}`),
  });
  if (textAt(from.object, 'metadata', 'deletionTimestamp') !== undefined) return refuse('it is being deleted, and its address given back');
  if (text === undefined) return refuse('it has no status.ipAddr: the node gets an address from Fairlead');
  if (!text.includes('/')) return refuse(`its address ${text} has no prefix length: write it as ${text}/24, with the length of its subnet`);
  if (nodes?.has(node) === false) {
    return refuse(`there is no Node ${node}, so ${text} is left over: delete its record in phpIPAM by hand`);
  }
  const parsed = parseNodeOverlayIP(nodeOverlayIP(node, text));
  if (!parsed.ok) return refuse(formatErrors(parsed.errors).replaceAll('\n', '; '));
  const [first] = parsed.value.addresses;
  return { from, node, address: first === undefined ? text : `${first.address}/${first.prefixLength}` };
}

/** Those that nobody else has, and those that are there twice: the same node, or the same address. */
function apart(held: readonly Held[]): { readonly fine: readonly Held[]; readonly twice: readonly Finding[] } {
  const byNode = Map.groupBy(held, ({ node }) => node);
  const once = [...byNode.values()].flatMap(([first]) => first ?? []);
  const again = [...byNode.values()].flatMap(([first, ...others]) =>
    others.map(({ from, node }) => ({
      where: from.where('metadata', 'name'),
      message: `NodeOverlayIp ${node} is left out: it is there already, at ${first?.from.where('metadata', 'name')}`,
    })),
  );
  const byAddress = Map.groupBy(once, ({ address }) => address.split('/')[0]);
  const holders = (each: Held): readonly Held[] => byAddress.get(each.address.split('/')[0]) ?? [];
  const shared = once.filter((each) => holders(each).length > 1);
  return {
    fine: once.filter((each) => holders(each).length === 1),
    twice: [...again, ...shared.map((each) => sharedFinding(each, holders(each)))],
  };
}

function sharedFinding({ from, node, address }: Held, holders: readonly Held[]): Finding {
  const others = holders.filter((other) => other.node !== node).map((other) => `${other.node} (${other.from.where('status', 'ipAddr')})`);
  const message = `NodeOverlayIp ${node} is left out: its address ${address} is also that of ${others.join(', ')}; see in phpIPAM whose it is, and correct the other`;
  return { where: from.where('status', 'ipAddr'), message };
}

function nodeOverlayIP(node: string, address: string): object {
  return {
    apiVersion: API_VERSION,
    kind: 'NodeOverlayIP',
    metadata: { name: nodeOverlayIPName(node, POOL), annotations: { [ADOPT]: 'true' } },
    spec: { node, pool: POOL, addresses: [address] },
  };
}
