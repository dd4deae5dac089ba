import { Address } from '../../src/core/ip/address.ts';
import type { Random } from '../e2e/random.ts';
import { FAULTS, type FaultName } from '../ipam/fake/faults.ts';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { clusterSource, LENGTH, phpIpamSource, rowsOf, SUBNETS, ZONES } from './overlay-sources.ts';
import { torture } from './torture.ts';
import type { Figures, Outside } from './torture-options.ts';

type Progress = (figures: Figures) => void;

/** Over a pool that names its ranges itself. */
export function clusterTorture(seed: number, turns: number, progress: Progress = () => {}): Promise<Figures> {
  return torture({ seed, turns, progress, outside: clusterSource() });
}

/** Over a phpIPAM of which every fortieth request goes wrong, and where people record and delete addresses as well. */
export async function phpIpamTorture(seed: number, turns: number, progress: Progress = () => {}): Promise<Figures> {
  const fake = await FakePhpIpam.open();
  try {
    return await torture({ seed, turns, progress, outside: disturbed(fake) });
  } finally {
    await fake.close();
  }
}

/** But those without an answer: time stands still while one is under way. The calls of a provider are late, or cut off, as all others are. */
const NAMES = (Object.keys(FAULTS) as FaultName[]).filter((name) => FAULTS[name].answer !== 'hang');
const PEOPLE = 'facilities';

function disturbed(fake: FakePhpIpam): Outside {
  let calm = false;
  fake.spoil = () => {
    if (calm || Math.random() * 40 >= 1) return undefined;
    return FAULTS[NAMES[Math.floor(Math.random() * NAMES.length)] ?? 'slow'];
  };
  return {
    ...phpIpamSource(fake),
    disturb: (chance) => disturb(fake, chance),
    calm: async () => {
      calm = true;
      await fake.finishLate();
      for (const { id, owner } of rowsOf(fake)) if (owner === PEOPLE) fake.database.delete(id);
    },
  };
}

function disturb(fake: FakePhpIpam, chance: Random): void {
  const { database } = fake;
  if (chance.oneIn(3)) void fake.finishLate();
  const roll = chance.fraction();
  const zone = chance.below(SUBNETS.length);
  const id = SUBNETS[zone] ?? 1;
  const row = chance.pick(rowsOf(fake).filter(({ subnetId }) => subnetId === id));
  const ip = Address.parse(`${Object.values(ZONES)[zone]}.${2 + chance.below(2 ** (32 - LENGTH) - 4)}`);
  if (roll < 0.03 && database.find(id, ip).length === 0) database.insert({ subnetId: id, ip, hostname: 'printer', owner: PEOPLE });
  else if (roll < 0.06 && row?.owner === PEOPLE) database.delete(row.id);
  else if (roll < 0.07 && row) database.delete(row.id);
  else if (roll < 0.08 && row) Object.assign(row, { hostname: 'printer', owner: PEOPLE });
}
