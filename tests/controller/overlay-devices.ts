import type { WrittenObject } from '../../src/cluster/api-client.ts';
import type { OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';

/** The overlay devices of all nodes, and what their agents make of NodeOverlayIPs: that is the same on a stage and on a real API server. */
export class OverlayDevices {
  /** What is on the devices, by node and pool: `n1 default`. */
  readonly all = new Map<string, ReadonlySet<string>>();
  /** How often that has changed. */
  changes = 0;

  on(node: string, pool: string): ReadonlySet<string> {
    return this.all.get(`${node} ${pool}`) ?? new Set();
  }

  /**
   * What is granted is put on the device, what is deleted is taken off, what is not granted stays as it is. Answers what the agent writes then,
   * over the version that it has dealt with: what has changed meanwhile comes as well.
   */
  take(view: OverlayIPView, date: Date): WrittenObject | undefined {
    const wanted = view.addresses.map(({ address }) => address.text);
    if (view.deleting) {
      this.put(view, []);
      return saying(view, 'False', 'Removed', date);
    }
    if (view.granted) {
      this.put(view, wanted);
      return saying(view, 'True', 'InPlace', date);
    }
    const there = this.on(view.node, view.pool);
    this.put(
      view,
      wanted.filter((address) => there.has(address)),
    );
    return undefined;
  }

  put({ node, pool }: Pick<OverlayIPView, 'node' | 'pool'>, addresses: readonly string[]): void {
    this.changes++;
    if (addresses.length === 0) this.all.delete(`${node} ${pool}`);
    else this.all.set(`${node} ${pool}`, new Set(addresses));
  }

  /** The machine is no more, and everything on it; but for these pools. */
  vanish(node: string, kept: ReadonlySet<string> = new Set()): void {
    for (const key of this.all.keys()) {
      const [name, pool = ''] = key.split(' ');
      if (name === node && !kept.has(pool)) this.put({ node, pool }, []);
    }
  }
}

function saying(view: OverlayIPView, status: 'True' | 'False', reason: 'InPlace' | 'Removed', date: Date): WrittenObject | undefined {
  if (view.device === reason) return undefined;
  const conditions = [{ type: 'DeviceReady', status, reason, message: '', lastTransitionTime: date.toISOString() }];
  const metadata = { name: view.name, resourceVersion: view.version };
  return { apiVersion: NODE_OVERLAY_IPS.apiVersion, kind: NODE_OVERLAY_IPS.kind, metadata, status: { conditions } };
}
