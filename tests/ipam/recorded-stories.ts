import type { RecordedWorld } from './recorded-world.ts';

type Step = (world: RecordedWorld) => void;

/** What has to be known of a recording to hear it again: what had happened before, and what happened between its requests. */
export interface Story {
  /** Recordings of which this one is the continuation. */
  readonly after?: readonly string[];
  /** The token of the user `iks`, when it logged in before: in most recordings the first that is used. */
  readonly token?: string;
  readonly server?: 'nginx' | 'apache';
  readonly start?: Step;
  /** By the index of the request that comes next. */
  readonly before?: Readonly<Record<number, Step>>;
  /** By index: why an exchange cannot be compared. */
  readonly unusable?: Readonly<Record<number, string>>;
}

const MVS = 'mvs9BpUvF2syN1GtgY0HrBh2';
const MVAT = 'mVATTuyxkhy0FVeVTx1QmHsR';
const L0PM = 'l0PMxmiFm6__4xYjezy1aKk_';

/** Of the older versions. */
const TOKENS = {
  '1.5.2': 'u9RMErfG8otTLbb1dO2Yogkl',
  '1.6.0': 'MiLTFq57tUdD8L5wQpv3wBEw',
  '1.7.4': 'tmLWgqGtJ2L6K3jpSGi0V7uM',
} as const;

const SECTIONS = 'sections are of no use to Fairlead, and the fake has none';
const NO_ANSWER = 'there was no answer';

/** What the version suite, which came just before, had left. */
function afterSuite(id: number): Step {
  return (world) => world.row(id, 14, '192.168.103.2', { description: 'API created', hostname: 'v-2.example', owner: 'iks-overlay' });
}

export const STORIES: Readonly<Record<string, Story>> = {
  '01-login': {},
  '02-tls-requirement': { token: '5gz4SlGlD9cuLGfl5V7HEag9' },
  '03-token-lifecycle': {
    token: '5gz4SlGlD9cuLGfl5V7HEag9',
    before: { 6: ({ database }) => database.expireTokens(), 21: (world) => world.logIn('iks', MVS) },
  },
  '04-subnet-by-id-and-gateway': { token: MVS },
  '05-subnet-search-by-cidr': { token: MVS, unusable: { 9: SECTIONS, 10: SECTIONS } },
  '06-first-free-get': { token: MVS },
  '07-first-free-post-reserve': { token: MVS },
  '08-exhaustion': { token: MVS },
  '09-address-search': { token: MVS, after: ['07-first-free-post-reserve'] },
  '10-delete': { token: MVS, after: ['07-first-free-post-reserve'] },
  '12-lock-timeout': {
    token: MVS,
    before: {
      0: ({ api }) => {
        api.options.lockTrouble = 'held';
      },
      5: ({ api }) => {
        api.options.lockTrouble = 'unwritable';
      },
    },
  },
  '12-lock-timeout.v1.7.4': { token: 'dbwZOJjnebKtMnVdaqoF0iMW' },
  '14-field-values-and-limits': { token: MVS },
  '15-ipv6': { token: MVS },
  '16-gateway-traps': {
    token: MVS,
    start: (world) => {
      world.database.delete(101);
      world.row(14, 11, '192.168.101.1', { is_gateway: 1, description: 'gateway', hostname: 'gw', editDate: 'a date' });
    },
    unusable: { 3: SECTIONS },
  },
  '17-permissions': {
    token: MVS,
    start: (world) => {
      for (const id of [105, 107]) world.row(id, 10, `192.168.100.${id}`);
      world.logIn('plain', 'cSAebOk_eXqnn9LINhwqPBI2');
    },
    before: {
      6: ({ database }) => {
        database.users.set('plain', { password: 'Iks-Passw0rd!', disabled: true });
      },
      7: ({ database }) => {
        database.apiEnabled = false;
      },
      8: ({ database }) => {
        database.apiEnabled = true;
      },
    },
    unusable: { 14: 'curl printed the headers of HEAD as its body' },
  },
  '18-parallel-login': {},
  '19-ip-block': {
    token: MVAT,
    before: {
      15: (world) => {
        world.now += 6 * 60_000;
      },
    },
  },
  '20-big-subnet': {
    token: MVAT,
    start: (world) => {
      for (let i = 1; i <= 60_000; i++) world.row(90_014 + i, 22, `10.200.${i >> 8}.${i & 255}`, { hostname: `b${i}` });
    },
  },
  '21-database-down': {
    token: MVAT,
    before: {
      0: ({ database }) => {
        database.down = true;
      },
      3: ({ database }) => {
        database.down = false;
      },
    },
    unusable: { 4: NO_ANSWER },
  },
  '22-client-timeout-unknown-outcome': {
    token: MVAT,
    before: {
      2: (world) =>
        world.row(245663, 14, '192.168.103.1', {
          description: 'API created',
          hostname: 'lost-answer.example',
          owner: 'iks-overlay',
          custom_iks_node: 'c1/lost',
        }),
    },
    unusable: { 0: NO_ANSWER },
  },
  '23-duplicate-hostname': { token: MVAT, start: (world) => world.row(245663, 14, '192.168.103.1') },
  '24-search-hostname-decimal-ip-trap': {
    token: MVAT,
    start: (world) => {
      afterSuite(245667)(world);
      world.row(1035, 12, 'fd00:100::');
      world.row(1036, 12, 'fd00:100::2');
    },
  },
  '24-search-hostname-decimal-ip-trap.v1.5.2': { token: TOKENS['1.5.2'], start: afterSuite(406) },
  '24-search-hostname-decimal-ip-trap.v1.6.0': { token: TOKENS['1.6.0'], start: afterSuite(406) },
  '24-search-hostname-decimal-ip-trap.v1.7.4': { token: TOKENS['1.7.4'], start: afterSuite(407) },
  '25-apache-quirks': {
    token: MVAT,
    after: ['24-search-hostname-decimal-ip-trap'],
    server: 'apache',
    start: (world) => world.row(245678, 14, '192.168.103.5'),
    before: {
      0: ({ api }) => {
        api.options.passesAuthorization = false;
      },
      1: ({ api }) => {
        api.options.passesAuthorization = true;
      },
      10: (world) => {
        // Another installation behind another port.
        world.api.options.version = '1.7.4';
        world.database.endToken(MVAT);
        world.logIn('iks', 'tmLWgqGtJ2L6K3jpSGi0V7uM');
      },
    },
  },
  '26-explicit-ip-reserve': {
    token: L0PM,
    before: { 5: (world) => world.row(112, 21, '192.168.100.2', { hostname: 'other-section' }) },
  },
  '27-ssl-token-and-ssl-code-flow': { token: L0PM, unusable: { 8: NO_ANSWER } },
  '28-lookup-edge-cases': { token: L0PM },
  '28b-collation': {
    token: L0PM,
    start: (world) => {
      for (let i = 1; i <= 5; i++) world.row(114 + i, 14, `192.168.103.${i}`);
    },
  },
  '30-version-suite': { token: MVAT },
  '30-version-suite.v1.5.2': { token: TOKENS['1.5.2'] },
  '30-version-suite.v1.6.0': { token: TOKENS['1.6.0'] },
  '30-version-suite.v1.7.4': { token: TOKENS['1.7.4'] },
};
