import { Address } from '../../src/core/ip/address.ts';
import { type ApiOptions, DEFAULTS, FakeApi } from './fake/api.ts';
import { FakeDatabase, type NewRow, type Version } from './fake/database.ts';

/** The installation that was recorded: its applications, users and subnets, and what happened to it between requests. */
export class RecordedWorld {
  now = 0;
  readonly database = new FakeDatabase(() => this.now);
  readonly api: FakeApi;

  constructor(version: Version, server: ApiOptions['server'] = 'nginx') {
    this.api = new FakeApi(this.database, { ...DEFAULTS, version, server });
    const { apps, users } = this.database;
    apps.set('iks', { security: 'ssl_token', permission: 3, code: 'A'.repeat(32) });
    apps.set('ikscode', { security: 'ssl_code', permission: 3, code: 'C'.repeat(32) });
    for (const id of ['iksnone', 'ikslock']) apps.set(id, { security: 'none', permission: 3 });
    apps.set('iksrw', { security: 'none', permission: 2 });
    apps.set('iksro', { security: 'none', permission: 1 });
    apps.set('iksoff', { security: 'none', permission: 0 });
    apps.set('iksnest', { security: 'none', permission: 3, nestsCustomFields: true });
    apps.set('ikslink', { security: 'none', permission: 3, showsLinks: true });
    apps.set('iksnolock', { security: 'none', permission: 3, lock: 'Disabled' });
    apps.set('iksmylock', { security: 'none', permission: 3, lock: 'MySQL' });
    users.set('iks', { password: 'Iks-Passw0rd!', disabled: false });
    users.set('iksdis', { password: 'Iks-Passw0rd!', disabled: true });
    users.set('plain', { password: 'Iks-Passw0rd!', disabled: false });
    this.#addSubnets();
  }

  /** Rows that were there already. */
  row(id: number, subnetId: number, ip: string, change: Partial<NewRow> = {}): void {
    this.database.nextId = id;
    this.database.insert({ subnetId, ip: Address.parse(ip), ...change });
  }

  logIn(user: string, token: string): void {
    this.database.nextToken = token;
    this.database.logIn(user);
  }

  #addSubnets(): void {
    const { database } = this;
    database.nextId = 100;
    database.addSubnet(10, '192.168.100.0/24', { description: 'overlay', gateway: '192.168.100.1' });
    database.addSubnet(11, '192.168.101.0/29', { description: 'tiny', gateway: '192.168.101.1' });
    database.addSubnet(12, 'fd00:100::/64', { description: 'v6', gateway: 'fd00:100::1' });
    database.addSubnet(13, '192.168.102.0/24', { description: 'full', gateway: '192.168.102.1', isFull: true });
    database.addSubnet(14, '192.168.103.0/24', { description: 'nogw' });
    database.addSubnet(15, '192.168.104.0/23', { description: 'master' });
    database.addSubnet(16, '192.168.104.0/24', { description: 'slave', masterSubnetId: 15 });
    database.addSubnet(17, '192.168.110.0/24', { description: 'race', gateway: '192.168.110.1' });
    database.addSubnet(18, '192.168.120.0/31', { description: 'p2p' });
    database.addSubnet(19, '192.168.121.5/32', { description: 'host' });
    database.addSubnet(20, '192.168.122.0/29', { description: 'pool', isPool: true });
    database.addSubnet(21, '192.168.100.0/24', { description: 'dup-other-section', sectionId: 6 });
    database.addSubnet(22, '10.200.0.0/16', { description: 'big' });
  }
}
