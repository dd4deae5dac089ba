import { SITE, V4 } from './topology.ts';

/** The least one can say: the gateway is discovered from the node's own route for 10.0.0.0/8. */
export const ON_PREM = `apiVersion: fairlead.dev/v1alpha1
kind: StaticRoute
metadata:
  name: on-prem
spec:
  subnets: [${SITE[4]}]
`;

/** The same object with its gateway given. */
export const ON_PREM_MOVED = `${ON_PREM}  via:
    gateway: ${V4.vpn}
`;

/** A slip of the keyboard: half of the node's own public network, with the router that its default route needs. */
export const CUT_OFF = `apiVersion: fairlead.dev/v1alpha1
kind: StaticRoute
metadata:
  name: mistake
spec:
  subnets: [${V4.internet.replace(/\.\d+$/, '.0/25')}]
`;
