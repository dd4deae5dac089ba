import { object } from './support.ts';

const RANGE = { subnet: '192.168.100.0/24', gateway: '192.168.100.1' };
const RANGE6 = { subnet: '2001:db8:100::/64', gateway: '2001:db8:100::1' };
const PHPIPAM = { url: 'https://ipam.example.org', appID: 'fairlead', subnetMap: { a: [7] }, credentialsSecret: 'phpipam' };

/** Every rejection of an OverlayPool: what was written, and the whole text that its author reads. */
export const REJECTED_POOLS: Readonly<Record<string, readonly [object: unknown, text: string]>> = {
  'no ipam': [pool({}), 'spec.ipam: is missing'],
  'no member of ipam': [pool({ ipam: {} }), 'spec.ipam: write one of cluster, phpIPAM'],
  'both members of ipam': [
    pool({ ipam: { cluster: { ranges: [RANGE] }, phpIPAM: PHPIPAM } }),
    'spec.ipam: has cluster and phpIPAM: write only one of them',
  ],
  'an unknown ipam': [pool({ ipam: { infoblox: {} } }), 'spec.ipam: unknown field "infoblox"\nspec.ipam: write one of cluster, phpIPAM'],
  'no ranges': [pool({ ipam: { cluster: { ranges: [] } } }), 'spec.ipam.cluster.ranges: has no entry: add one with subnet and gateway'],
  'too many ranges': ranges(
    Array.from({ length: 65 }, (_, i) => ({ subnet: `10.0.${i}.0/24`, gateway: `10.0.${i}.1` })),
    'spec.ipam.cluster.ranges: has 65 entries; at most 64 are allowed',
  ),
  'gateway absent': range({ gateway: undefined }, 'spec.ipam.cluster.ranges[0].gateway: is missing'),
  'gateway outside the subnet': range(
    { gateway: '192.168.101.1' },
    'spec.ipam.cluster.ranges[0]: gateway 192.168.101.1 is not in subnet 192.168.100.0/24: write an address of that subnet',
  ),
  'gateway of the other family': range(
    { gateway: '2001:db8:100::1' },
    'spec.ipam.cluster.ranges[0]: gateway 2001:db8:100::1 is not in subnet 192.168.100.0/24: write an address of that subnet',
  ),
  'gateway the network address': range(
    { gateway: '192.168.100.0' },
    'spec.ipam.cluster.ranges[0]: gateway 192.168.100.0 is the network address of 192.168.100.0/24: write that of a host',
  ),
  'gateway the broadcast address': range(
    { gateway: '192.168.100.255' },
    'spec.ipam.cluster.ranges[0]: gateway 192.168.100.255 is the broadcast address of 192.168.100.0/24: write that of a host',
  ),
  'gateway the broadcast address of a /8': range(
    { subnet: '10.0.0.0/8', gateway: '10.255.255.255' },
    'spec.ipam.cluster.ranges[0]: gateway 10.255.255.255 is the broadcast address of 10.0.0.0/8: write that of a host',
  ),
  'gateway the broadcast address of a /19': range(
    { subnet: '10.1.32.0/19', gateway: '10.1.63.255' },
    'spec.ipam.cluster.ranges[0]: gateway 10.1.63.255 is the broadcast address of 10.1.32.0/19: write that of a host',
  ),
  'gateway the broadcast address of a /30': range(
    { subnet: '10.1.32.4/30', gateway: '10.1.32.7' },
    'spec.ipam.cluster.ranges[0]: gateway 10.1.32.7 is the broadcast address of 10.1.32.4/30: write that of a host',
  ),
  'gateway not an address': range({ gateway: 'router' }, 'spec.ipam.cluster.ranges[0].gateway: "router" is not an IP address'),
  'gateway a prefix': range(
    { gateway: '192.168.100.1/24' },
    'spec.ipam.cluster.ranges[0].gateway: "192.168.100.1/24" is not an IP address',
  ),
  'gateway multicast': range(
    { subnet: '192.168.100.0/24', gateway: '224.0.0.1' },
    'spec.ipam.cluster.ranges[0].gateway: "224.0.0.1" is not the address of one host: 224.0.0.0/4 is multicast',
  ),
  'gateway IPv4-mapped': range(
    { gateway: '::ffff:192.168.100.1' },
    'spec.ipam.cluster.ranges[0].gateway: "::ffff:192.168.100.1" is an IPv4-mapped IPv6 address: write 192.168.100.1',
  ),
  'subnet with host bits': range(
    { subnet: '192.168.100.1/24' },
    'spec.ipam.cluster.ranges[0].subnet: "192.168.100.1/24" has host bits set: write 192.168.100.0/24',
  ),
  'subnet an address': range(
    { subnet: '192.168.100.1' },
    'spec.ipam.cluster.ranges[0].subnet: "192.168.100.1" has no prefix length: write that of the subnet, such as 192.168.100.0/24',
  ),
  'subnet too wide, IPv4': range(
    { subnet: '10.0.0.0/7', gateway: '10.0.0.1' },
    'spec.ipam.cluster.ranges[0].subnet: "10.0.0.0/7" is too wide: /8 is the shortest IPv4 prefix that is accepted, /7 the shortest IPv6 one',
  ),
  'subnet too wide, IPv6': range(
    { subnet: 'fc00::/6', gateway: 'fc00::1' },
    'spec.ipam.cluster.ranges[0].subnet: "fc00::/6" is too wide: /8 is the shortest IPv4 prefix that is accepted, /7 the shortest IPv6 one',
  ),
  'subnet too small, IPv4': range(
    { subnet: '192.168.100.1/32' },
    'spec.ipam.cluster.ranges[0].subnet: "192.168.100.1/32" is a single address, and leaves none beside the gateway: /31 is the longest IPv4 prefix that is accepted, /127 the longest IPv6 one',
  ),
  'subnet too small, IPv6': range(
    { subnet: '2001:db8::1/128', gateway: '2001:db8::1' },
    'spec.ipam.cluster.ranges[0].subnet: "2001:db8::1/128" is a single address, and leaves none beside the gateway: /31 is the longest IPv4 prefix that is accepted, /127 the longest IPv6 one',
  ),
  'subnet multicast': range(
    { subnet: '239.1.0.0/16', gateway: '239.1.0.1' },
    'spec.ipam.cluster.ranges[0].subnet: "239.1.0.0/16" overlaps 224.0.0.0/4 (multicast), which is never routed\nspec.ipam.cluster.ranges[0].gateway: "239.1.0.1" is not the address of one host: 224.0.0.0/4 is multicast',
  ),
  'subnet link-local': range(
    { subnet: 'fe80::/64', gateway: 'fe80::1' },
    'spec.ipam.cluster.ranges[0].subnet: "fe80::/64" overlaps fe80::/10 (link-local), which is never routed',
  ),
  'exclude outside the subnet, an address': range(
    { exclude: ['192.168.100.7', '192.168.101.7'] },
    'spec.ipam.cluster.ranges[0]: exclude 192.168.101.7 is not in subnet 192.168.100.0/24: remove it',
  ),
  'exclude outside the subnet, a prefix': range(
    { exclude: ['192.168.101.0/28'] },
    'spec.ipam.cluster.ranges[0]: exclude 192.168.101.0/28 is not in subnet 192.168.100.0/24: remove it',
  ),
  'exclude wider than the subnet': range(
    { exclude: ['192.168.0.0/16'] },
    'spec.ipam.cluster.ranges[0]: exclude 192.168.0.0/16 is not in subnet 192.168.100.0/24: remove it',
  ),
  'exclude of the other family': range(
    { exclude: ['2001:db8:100::7'] },
    'spec.ipam.cluster.ranges[0]: exclude 2001:db8:100::7 is not in subnet 192.168.100.0/24: remove it',
  ),
  'exclude with host bits': range(
    { exclude: ['192.168.100.1/28'] },
    'spec.ipam.cluster.ranges[0].exclude[0]: "192.168.100.1/28" has host bits set: write 192.168.100.0/28',
  ),
  'exclude a span': range(
    { exclude: ['192.168.100.2-192.168.100.9'] },
    'spec.ipam.cluster.ranges[0].exclude[0]: "192.168.100.2-192.168.100.9" is not an IP address',
  ),
  'too many exclusions': range(
    { exclude: Array.from({ length: 257 }, (_, i) => `10.1.${i >> 8}.${i & 255}`), subnet: '10.1.0.0/16', gateway: '10.1.2.0' },
    'spec.ipam.cluster.ranges[0].exclude: has 257 entries; at most 256 are allowed',
  ),
  'zone empty': range(
    { zone: '' },
    'spec.ipam.cluster.ranges[0].zone: is empty: write a value of the label topology.kubernetes.io/zone, or leave it away',
  ),
  'zone that no label can have': range(
    { zone: 'eu west' },
    'spec.ipam.cluster.ranges[0].zone: "eu west" is not a zone: the label topology.kubernetes.io/zone cannot have that value',
  ),
  'zone too long': range(
    { zone: 'z'.repeat(64) },
    'spec.ipam.cluster.ranges[0].zone: "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz" is longer than 63 characters',
  ),
  'zone a number': range({ zone: 1 }, 'spec.ipam.cluster.ranges[0].zone: must be a text, not the number 1: write "1" in quotes'),
  'ranges that overlap': ranges(
    [RANGE, { subnet: '192.168.100.128/25', gateway: '192.168.100.129' }],
    'spec.ipam.cluster.ranges[1].subnet: 192.168.100.128/25 overlaps 192.168.100.0/24 of ranges[0]: make them disjoint, or remove one',
  ),
  'the same range in two zones': ranges(
    [{ zone: 'a', ...RANGE }, RANGE6, { zone: 'b', ...RANGE }],
    'spec.ipam.cluster.ranges[2].subnet: 192.168.100.0/24 overlaps 192.168.100.0/24 of ranges[0]: make them disjoint, or remove one',
  ),
  'a range within an earlier one, IPv6': ranges(
    [RANGE6, { subnet: '2001:db8:100::100/120', gateway: '2001:db8:100::101' }],
    'spec.ipam.cluster.ranges[1].subnet: 2001:db8:100::100/120 overlaps 2001:db8:100::/64 of ranges[0]: make them disjoint, or remove one',
  ),
  'unknown field of a range': range(
    { gatway: '192.168.100.1' },
    'spec.ipam.cluster.ranges[0]: unknown field "gatway": did you mean "gateway"?',
  ),
  'no url': phpIPAM({ url: undefined }, 'spec.ipam.phpIPAM.url: is missing'),
  'url without a scheme': phpIPAM(
    { url: 'ipam.example.org' },
    'spec.ipam.phpIPAM.url: "ipam.example.org" has no scheme: write https://ipam.example.org',
  ),
  'url without a scheme, with a port': phpIPAM(
    { url: 'ipam.example.org:8443/phpipam' },
    'spec.ipam.phpIPAM.url: "ipam.example.org:8443/phpipam" has no scheme: write https://ipam.example.org:8443/phpipam',
  ),
  'url of another scheme': phpIPAM({ url: 'ftp://ipam.example.org' }, 'spec.ipam.phpIPAM.url: must begin with https:// or http://'),
  'url that ends in the API': phpIPAM(
    { url: 'https://ipam.example.org/api' },
    'spec.ipam.phpIPAM.url: "https://ipam.example.org/api" names the API itself: write https://ipam.example.org, and the application as appID',
  ),
  'url that ends in the API and an application': phpIPAM(
    { url: 'https://ipam.example.org/phpipam/api/fairlead/' },
    'spec.ipam.phpIPAM.url: "https://ipam.example.org/phpipam/api/fairlead/" names the API itself: write https://ipam.example.org/phpipam, and the application as appID',
  ),
  'url with a password': phpIPAM(
    { url: 'https://admin:hunter2@ipam.example.org' },
    'spec.ipam.phpIPAM.url: must be https://HOST[:PORT][/PATH], without user, query and fragment',
  ),
  'url with a query': phpIPAM(
    { url: 'https://ipam.example.org/?app=x' },
    'spec.ipam.phpIPAM.url: must be https://HOST[:PORT][/PATH], without user, query and fragment',
  ),
  'url without a host': phpIPAM(
    { url: 'https://' },
    'spec.ipam.phpIPAM.url: must be https://HOST[:PORT][/PATH], without user, query and fragment',
  ),
  'url empty': phpIPAM({ url: '' }, 'spec.ipam.phpIPAM.url: is empty: write https://HOST'),
  'url too long': phpIPAM(
    { url: `https://${'x'.repeat(512)}` },
    'spec.ipam.phpIPAM.url: "https://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is longer than 512 characters',
  ),
  'no appID': phpIPAM({ appID: undefined }, 'spec.ipam.phpIPAM.appID: is missing'),
  'appID with a slash': phpIPAM({ appID: 'a/b' }, 'spec.ipam.phpIPAM.appID: "a/b" is not an app id: letters, digits, "-", "_" and "."'),
  'appID empty': phpIPAM({ appID: '' }, 'spec.ipam.phpIPAM.appID: "" is not an app id: letters, digits, "-", "_" and "."'),
  'no subnetMap': phpIPAM({ subnetMap: undefined }, 'spec.ipam.phpIPAM.subnetMap: is missing'),
  'subnetMap empty': phpIPAM({ subnetMap: {} }, 'spec.ipam.phpIPAM.subnetMap: has no entry: write {"*": [ID]}, or an entry for each zone'),
  'subnetMap with an empty zone': phpIPAM(
    { subnetMap: { '': [7] } },
    'spec.ipam.phpIPAM.subnetMap: a zone is empty: write "*" for nodes without one',
  ),
  'subnetMap with an impossible zone': phpIPAM(
    { subnetMap: { 'eu west': [7] } },
    'spec.ipam.phpIPAM.subnetMap: "eu west" is not a zone: the label topology.kubernetes.io/zone cannot have that value',
  ),
  'subnetMap with one id instead of a list': phpIPAM(
    { subnetMap: { a: 7 } },
    'spec.ipam.phpIPAM.subnetMap.a: must be a list, not the number 7',
  ),
  'subnetMap with no ids': phpIPAM({ subnetMap: { a: [] } }, 'spec.ipam.phpIPAM.subnetMap.a: has no entry'),
  'subnetMap with a prefix': phpIPAM(
    { subnetMap: { a: ['10.1.0.0/16'] } },
    'spec.ipam.phpIPAM.subnetMap.a[0]: must be a number, not the text "10.1.0.0/16"',
  ),
  'subnetMap with the id 0': phpIPAM({ subnetMap: { a: [0] } }, 'spec.ipam.phpIPAM.subnetMap.a[0]: 0 is not between 1 and 2147483647'),
  'subnetMap with an id twice': phpIPAM(
    { subnetMap: { a: [7, 8, 7] } },
    'spec.ipam.phpIPAM.subnetMap.a: has 7 more than once: remove one of them',
  ),
  'subnetMap with too many zones': phpIPAM(
    { subnetMap: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`z${i}`, [i + 1]])) },
    'spec.ipam.phpIPAM.subnetMap: has 65 entries; at most 64 are allowed',
  ),
  'auth unknown': phpIPAM(
    { auth: 'userToken' },
    'spec.ipam.phpIPAM.auth: "userToken" is not one of UserToken, AppCode, None: did you mean "UserToken"?',
  ),
  'credentials missing': phpIPAM(
    { credentialsSecret: undefined },
    'spec.ipam.phpIPAM: credentialsSecret is missing: write the name of a Secret with username and password in the namespace of the controller',
  ),
  'credentials missing for UserToken': phpIPAM(
    { auth: 'UserToken', credentialsSecret: undefined },
    'spec.ipam.phpIPAM: credentialsSecret is missing: write the name of a Secret with username and password in the namespace of the controller',
  ),
  'credentials missing for AppCode': phpIPAM(
    { auth: 'AppCode', credentialsSecret: undefined },
    'spec.ipam.phpIPAM: credentialsSecret is missing: write the name of a Secret with code in the namespace of the controller',
  ),
  'credentials missing for None': phpIPAM(
    { auth: 'None', credentialsSecret: undefined },
    'spec.ipam.phpIPAM: credentialsSecret is missing: write the name of a Secret with username and password in the namespace of the controller',
  ),
  'credentials with a namespace': phpIPAM(
    { credentialsSecret: 'kube-system/phpipam' },
    'spec.ipam.phpIPAM.credentialsSecret: "kube-system/phpipam" is not the name of a Secret',
  ),
  'caBundle a file': phpIPAM(
    { caBundle: '/etc/ssl/ca.pem' },
    'spec.ipam.phpIPAM.caBundle: holds no -----BEGIN CERTIFICATE-----: write certificates in PEM',
  ),
  'caBundle that nobody asks': phpIPAM(
    { caBundle: '-----BEGIN CERTIFICATE-----\n', insecureSkipTLSVerify: true },
    'spec.ipam.phpIPAM: write only one of caBundle and insecureSkipTLSVerify',
  ),
  'insecureSkipTLSVerify a text': phpIPAM(
    { insecureSkipTLSVerify: 'yes' },
    'spec.ipam.phpIPAM.insecureSkipTLSVerify: must be true or false, not the text "yes"',
  ),
  'parent with both members': device(
    { parent: { name: 'eth1', toward: '10.0.0.0/8' } },
    'spec.interface.parent: has name and toward: write only one of them',
  ),
  'parent with no member': device({ parent: {} }, 'spec.interface.parent: write one of name, toward'),
  'parent name with a slash': device(
    { parent: { name: 'a/b' } },
    'spec.interface.parent.name: "a/b" is not a device name: write it in ASCII, with no "/", ":" or white space',
  ),
  'parent lo': device(
    { parent: { name: 'lo' } },
    'spec.interface.parent.name: "lo" is the loopback device: nothing beyond this node is reached through it',
  ),
  'parent toward with host bits': device(
    { parent: { toward: '10.0.0.1/8' } },
    'spec.interface.parent.toward: "10.0.0.1/8" has host bits set: write 10.0.0.0/8',
  ),
  'interface name with a slash': device(
    { name: 'tmp/0' },
    'spec.interface.name: "tmp/0" is not a device name: write it in ASCII, with no "/", ":" or white space',
  ),
  'interface name too long': device({ name: 'overlay123456789' }, 'spec.interface.name: "overlay123456789" is longer than 15 characters'),
  'interface name that of its parent': device(
    { name: 'eth1', parent: { name: 'eth1' } },
    'spec.interface: "eth1" cannot be its own parent: write another name',
  ),
  'parent named as the interface is by default': device(
    { parent: { name: 'tmp0' } },
    'spec.interface: "tmp0" cannot be its own parent: write another name',
  ),
  'interface type unknown': device(
    { type: 'macvlan' },
    'spec.interface.type: "macvlan" is not one of Macvlan, Address: did you mean "Macvlan"?',
  ),
  'label value with a space': [
    pool({ ...good(), nodeSelector: { matchLabels: { rack: 'x y' } } }),
    'spec.nodeSelector.matchLabels.rack: "x y" is the value of no label: write at most 63 letters, digits, "-", "_" and ".", the first and the last of them a letter or digit',
  ],
  'delay not a duration': delay(
    'soon',
    'spec.reclaim.delay: "soon" is not a duration: write it as hours, minutes and seconds, such as 90s, 10m or 1h30m',
  ),
  'delay without a unit': delay('600', 'spec.reclaim.delay: "600" has no unit: write 600s'),
  'delay a number': delay(600, 'spec.reclaim.delay: must be a text, not the number 600: write "600" in quotes'),
  'delay in days': delay('7d', 'spec.reclaim.delay: "7d" is not a duration: write 168h'),
  'delay with a fraction': delay(
    '1.5h',
    'spec.reclaim.delay: "1.5h" is not a duration: write it as hours, minutes and seconds, such as 90s, 10m or 1h30m',
  ),
  'delay negative': delay(
    '-5m',
    'spec.reclaim.delay: "-5m" is not a duration: write it as hours, minutes and seconds, such as 90s, 10m or 1h30m',
  ),
  'delay empty': delay('', 'spec.reclaim.delay: "" is not a duration: write it as hours, minutes and seconds, such as 90s, 10m or 1h30m'),
  'delay of more than a year': delay('8760h1s', 'spec.reclaim.delay: "8760h1s" is too long: write at most 8760h'),
  'delay beyond all reckoning': delay(
    '9999999999999999999h',
    'spec.reclaim.delay: "9999999999999999999h" is not a duration: write it as hours, minutes and seconds, such as 90s, 10m or 1h30m',
  ),
  'unknown field of spec': [pool({ ipam: { cluster: { ranges: [RANGE] } }, iface: {} }), 'spec: unknown field "iface"'],
  'unknown field of reclaim': [pool({ ...good(), reclaim: { after: '10m' } }), 'spec.reclaim: unknown field "after"'],
  'name with a dot': [pool(good(), { name: 'on.prem' }), 'metadata.name: must have no ".": write on-prem'],
  'name too long': [pool(good(), { name: 'p'.repeat(64) }), 'metadata.name: must have at most 63 characters, not 64'],
  'name absent': [pool(good(), {}), 'metadata.name: is missing'],
  'spec absent': [pool(undefined), 'spec: is missing'],
  'selector In without values': [
    pool({ ...good(), nodeSelector: { matchExpressions: [{ key: 'zone', operator: 'In' }] } }),
    'spec.nodeSelector.matchExpressions[0]: operator In needs values: write values: [...]',
  ],
};

function pool(spec: unknown, metadata: unknown = { name: 'default' }): object {
  return object('OverlayPool', spec, metadata);
}

/** A spec that is right. */
function good(): object {
  return { ipam: { cluster: { ranges: [RANGE] } } };
}

function ranges(all: readonly object[], text: string): readonly [unknown, string] {
  return [pool({ ipam: { cluster: { ranges: all } } }), text];
}

function range(change: object, text: string): readonly [unknown, string] {
  return ranges([{ ...RANGE, ...change }], text);
}

function phpIPAM(change: object, text: string): readonly [unknown, string] {
  return [pool({ ipam: { phpIPAM: { ...PHPIPAM, ...change } } }), text];
}

function device(value: object, text: string): readonly [unknown, string] {
  return [pool({ ...good(), interface: value }), text];
}

function delay(value: unknown, text: string): readonly [unknown, string] {
  return [pool({ ...good(), reclaim: { delay: value } }), text];
}
