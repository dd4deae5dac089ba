import assert from 'node:assert/strict';
import { Address } from '../../src/core/ip/address.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { openPhpIpam } from '../../src/ipam/phpipam/phpipam.ts';
import type { Random } from '../e2e/random.ts';
import { FAULTS, type FaultName } from '../ipam/fake/faults.ts';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { torture } from './torture.ts';
import { type Figures, LENGTH, type Outside, ZONES } from './torture-options.ts';
import type { Line } from './watchman.ts';

const REST = {
  nodeSelector: { matchLabels: { overlay: 'yes' } },
  reclaim: { delay: '1s' },
} as const;

const RANGES = Object.entries(ZONES).map(([zone, octets]) => ({ zone, subnet: `${octets}.0/${LENGTH}`, gateway: `${octets}.1` }));
/** The subnet itself, the gateway and the broadcast address. */
const RESERVED = [0, 1, 63] as const;
/** `.48/30` is left out as well. */
const EXCLUDED = [48, 49, 50, 51] as const;

type Progress = (figures: Figures) => void;

/** Over a pool that names its ranges itself. */
export function clusterTorture(seed: number, turns: number, progress: Progress = () => {}): Promise<Figures> {
  const open: Outside['open'] = ({ ipam }) => (ipam.type === 'cluster' ? openClusterIpam(ipam) : assert.fail('not a pool of ranges'));
  const ranges = RANGES.map((range) => ({ ...range, exclude: [range.subnet.replace(`.0/${LENGTH}`, '.48/30')] }));
  const outside = { open, reserved: [...RESERVED, ...EXCLUDED] };
  return torture({ seed, turns, progress, spec: { ipam: { cluster: { ranges } }, ...REST }, outside });
}

/** Over a phpIPAM of which every fortieth request goes wrong, and where people record and delete addresses as well. */
export async function phpIpamTorture(seed: number, turns: number, progress: Progress = () => {}): Promise<Figures> {
  const fake = await FakePhpIpam.open();
  try {
    const ipam = { url: fake.url, appID: 'open', auth: 'None', credentialsSecret: 'phpipam', subnetMap: { a: [1], b: [2] } };
    return await torture({ seed, turns, progress, spec: { ipam: { phpIPAM: ipam }, ...REST }, outside: new PhpIpamOutside(fake) });
  } finally {
    await fake.close();
  }
}

/** But those without an answer: time stands still while one is under way. The calls of a provider are late, or cut off, as all others are. */
const NAMES = (Object.keys(FAULTS) as FaultName[]).filter((name) => FAULTS[name].answer !== 'hang');
const PEOPLE = 'facilities';
const SUBNETS = [1, 2] as const;

class PhpIpamOutside implements Outside {
  readonly reserved: readonly number[] = RESERVED;
  readonly #fake: FakePhpIpam;
  #calm = false;

  constructor(fake: FakePhpIpam) {
    this.#fake = fake;
    RANGES.forEach(({ subnet, gateway }, i) => {
      fake.database.addSubnet(SUBNETS[i] ?? 0, subnet, { gateway });
    });
    fake.spoil = () => {
      if (this.#calm || Math.random() * 40 >= 1) return undefined;
      return FAULTS[NAMES[Math.floor(Math.random() * NAMES.length)] ?? 'slow'];
    };
  }

  readonly open: Outside['open'] = ({ ipam, meta }, clock) => {
    if (ipam.type !== 'phpIPAM') assert.fail('not a pool of phpIPAM');
    const cluster = { uid: '6f1c0f6e-0001', name: 'prod' };
    return openPhpIpam({
      ipam,
      pool: meta.ref.name,
      cluster,
      clock,
      credentials: async () => ({ username: 'fairlead', password: 'secret' }),
    });
  };

  disturb(chance: Random): void {
    const { database } = this.#fake;
    if (chance.oneIn(3)) void this.#fake.finishLate();
    const roll = chance.fraction();
    const id = chance.pick(SUBNETS) ?? 1;
    const row = chance.pick(database.inSubnet(id).filter(({ is_gateway }) => is_gateway !== 1));
    const ip = Address.parse(`192.168.${99 + id}.${2 + chance.below(60)}`);
    if (roll < 0.03 && database.find(id, ip).length === 0) database.insert({ subnetId: id, ip, hostname: 'printer', owner: PEOPLE });
    else if (roll < 0.06 && row?.owner === PEOPLE) database.delete(row.id);
    else if (roll < 0.07 && row) database.delete(row.id);
    else if (roll < 0.08 && row) Object.assign(row, { hostname: 'printer', owner: PEOPLE });
  }

  async calm(): Promise<void> {
    this.#calm = true;
    await this.#fake.finishLate();
    for (const { id, owner } of SUBNETS.flatMap((subnet) => this.#fake.database.inSubnet(subnet))) {
      if (owner === PEOPLE) this.#fake.database.delete(id);
    }
  }

  /** Nothing is recorded but what the ledger has, and all of that is. */
  left(ledger: ReadonlyMap<string, Line>): readonly string[] {
    const rows = SUBNETS.flatMap((id) => this.#fake.database.inSubnet(id)).filter(({ is_gateway }) => is_gateway !== 1);
    const recorded = rows.map(({ ip, hostname }) => `${ip} ${hostname}`).sort();
    const held = [...ledger.values()].map(({ address, node }) => `${address} ${node}.default`).sort();
    return [
      ...recorded.filter((row) => !held.includes(row)).map((row) => `${row} is recorded, and nobody has it`),
      ...held.filter((row) => !recorded.includes(row)).map((row) => `${row} is not recorded`),
    ];
  }
}
