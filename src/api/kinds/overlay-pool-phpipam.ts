import type * as z from 'zod/mini';
import type { PhpIpam } from '../../core/resources.ts';
import { LABEL_VALUE } from '../label-fields.ts';
import { choice, type Finding, fields, flag, integer, list, mapOf, optional, type Rule, text } from '../schema.ts';
import { zoneFault } from '../zone-field.ts';
import { phpIpamUrlField } from './overlay-pool-url.ts';

/** Largest identifier of phpIPAM: a signed 32-bit number of its database. */
const MAX_ID = 2147483647;
const MAX_ZONES = 64;

/** Every zone that is not named, and nodes without one. */
const ANY_ZONE = '*';

const APP_ID: Rule<string> = {
  message: 'must be letters, digits, "-", "_" and "."',
  cel: { rule: "self.matches('^[A-Za-z0-9_.-]+$')" },
  check: (id) => (/^[A-Za-z0-9_.-]+$/.test(id) ? undefined : `${JSON.stringify(id)} is not an app id: letters, digits, "-", "_" and "."`),
};

const SECRET_NAME: Rule<string> = {
  message: 'must be the name of a Secret',
  cel: { rule: "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')" },
  check: (name) => (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) ? undefined : `${JSON.stringify(name)} is not the name of a Secret`),
};

const IS_PEM: Rule<string> = {
  message: 'must be certificates in PEM: -----BEGIN CERTIFICATE-----',
  cel: { rule: "self.contains('-----BEGIN CERTIFICATE-----')" },
  check: (value) =>
    value.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'holds no -----BEGIN CERTIFICATE-----: write certificates in PEM',
};

const SUBNET_IDS_ONCE: Rule<number[]> = {
  message: 'each only once',
  check: (ids) => {
    const twice = ids.find((id, i) => ids.indexOf(id) < i);
    return twice === undefined ? undefined : `has ${twice} more than once: remove one of them`;
  },
};

const NO_ZONES = `has no entry: write {"${ANY_ZONE}": [ID]}, or an entry for each zone`;
const EMPTY_ZONE = `a zone is empty: write "${ANY_ZONE}" for nodes without one`;
const NOT_ZONES = `self.filter(z, z != '${ANY_ZONE}' && !z.matches('${LABEL_VALUE}'))`;

const ZONES: Rule<Record<string, number[]>> = {
  message: `needs an entry; each key is a zone, or "${ANY_ZONE}"`,
  cel: {
    rule: `self.size() > 0 && ${NOT_ZONES}.size() == 0`,
    messageExpression:
      `self.size() == 0 ? '${NO_ZONES}' : '' in self ? '${EMPTY_ZONE}' : ` +
      `'%s: the label topology.kubernetes.io/zone cannot have that value'.format([${NOT_ZONES}])`,
  },
  check: (map) => {
    const zones = Object.keys(map);
    if (zones.length === 0) return NO_ZONES;
    return zones.flatMap((zone): readonly Finding[] => {
      const fault = zone === '' ? EMPTY_ZONE : zone === ANY_ZONE ? undefined : zoneFault(zone);
      return fault === undefined ? [] : [{ message: fault, path: [] }];
    });
  },
};

interface Access {
  readonly auth?: PhpIpam['auth'];
  readonly credentialsSecret?: string;
  readonly caBundle?: string;
  readonly insecureSkipTLSVerify?: boolean;
}

/** What the Secret holds, by the way of authentication. An app without security does without encryption, not without a user. */
const SECRET_KEYS = { UserToken: 'username and password', AppCode: 'code', None: 'username and password' } as const;

const HAS_CREDENTIALS: Rule<Access> = {
  message: 'credentialsSecret is required',
  cel: {
    rule: 'has(self.credentialsSecret)',
    messageExpression:
      `'credentialsSecret is missing: write the name of a Secret with %s in the namespace of the controller'` +
      `.format([has(self.auth) && self.auth == 'AppCode' ? '${SECRET_KEYS.AppCode}' : '${SECRET_KEYS.UserToken}'])`,
  },
  check: ({ auth = 'UserToken', credentialsSecret }) => {
    if (credentialsSecret !== undefined) return undefined;
    return `credentialsSecret is missing: write the name of a Secret with ${SECRET_KEYS[auth]} in the namespace of the controller`;
  },
};

const VERIFIES_OR_NOT: Rule<Access> = {
  message: 'write only one of caBundle and insecureSkipTLSVerify',
  cel: { rule: '!has(self.caBundle) || !has(self.insecureSkipTLSVerify) || !self.insecureSkipTLSVerify' },
  check: ({ caBundle, insecureSkipTLSVerify }) =>
    caBundle !== undefined && insecureSkipTLSVerify === true ? 'write only one of caBundle and insecureSkipTLSVerify' : undefined,
};

export const phpIpamField = fields(
  { about: 'Addresses come from subnets of a phpIPAM, and are recorded there.' },
  {
    url: phpIpamUrlField({
      about: 'Where phpIPAM is, without the path of its API: https://ipam.example.org or https://example.org/phpipam.',
    }),
    appID: text(
      { about: 'The app id of phpIPAM (Administration, API). It needs the permission to read and write.' },
      { max: 64, rules: [APP_ID] },
    ),
    subnetMap: mapOf(
      {
        about:
          'The subnets for the nodes of each zone, by their ids in phpIPAM; "*" is every zone that is not named, and nodes without one. The first that has a free address counts.',
      },
      list(
        { about: 'Ids of subnets, in order.' },
        integer({ about: 'Id of a subnet, as in its address in phpIPAM.' }, { min: 1, max: MAX_ID }),
        {
          min: 1,
          max: 64,
          merge: 'set',
          rules: [SUBNET_IDS_ONCE],
        },
      ),
      { max: MAX_ZONES, rules: [ZONES] },
    ),
    auth: optional(
      choice(
        { about: 'How the app is secured: by the token of a user, by an app code, or by a user without encryption.', absent: 'UserToken' },
        ['UserToken', 'AppCode', 'None'],
      ),
    ),
    credentialsSecret: optional(
      text(
        {
          about:
            'A Secret in the namespace of the controller: username and password, or code for AppCode. A new password counts within a minute.',
        },
        { max: 253, rules: [SECRET_NAME] },
      ),
    ),
    caBundle: optional(
      text(
        { about: 'The certificate authorities that may have signed its certificate, in PEM.', absent: 'those that are publicly trusted' },
        { max: 65536, rules: [IS_PEM] },
      ),
    ),
    insecureSkipTLSVerify: optional(
      flag({ about: 'Believe whoever answers. Whoever is between can then read the password.', absent: 'false' }),
    ),
  },
  [HAS_CREDENTIALS, VERIFIES_OR_NOT],
);

export function toPhpIpam(wire: z.output<typeof phpIpamField>): PhpIpam {
  return {
    type: 'phpIPAM',
    url: wire.url,
    appID: wire.appID,
    subnetMap: new Map(Object.entries(wire.subnetMap)),
    auth: wire.auth ?? 'UserToken',
    ...(wire.credentialsSecret !== undefined && { credentialsSecret: wire.credentialsSecret }),
    ...(wire.caBundle !== undefined && { caBundle: wire.caBundle }),
    insecureSkipTLSVerify: wire.insecureSkipTLSVerify ?? false,
  };
}
