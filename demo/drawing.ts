import { HTTP_PORT, SITE, TOPOLOGY, V4 } from './topology.ts';

/** The topology as text, 80 columns at most; every name and address comes from it. */
export function drawTopology(): string {
  const { routes = [], sysctls = {} } = TOPOLOGY.hosts['node'] ?? {};
  const [toInternet = '', toPrivate = ''] = routes;
  const checks = Object.entries(sysctls).map(([name, value]) => `${name.replace('net.ipv4.conf.', '')}=${value}`);
  return `
                       internet ${V4.internet}
                          │
                          │ eth0 ${V4.public}    ${toInternet}
                    ┌─────┴─────┐
                    │   node    │  ${checks.join(', ')}, HTTP :${HTTP_PORT}
                    └─────┬─────┘
                          │ eth1 ${V4.node}       ${toPrivate}
    ────────┬─────────────┴────────────────┬──────────── private network
            │ ${V4.gateway.padEnd(29)}│ ${V4.vpn}
     ┌──────┴──────┐                ┌──────┴──────┐
     │   gateway   ├────────────────┤ VPN router  │
     └─────────────┘                └──────┬──────┘
                                           ║ VPN
                                    ┌──────┴──────┐
                                    │   on-prem   │  ${V4.onprem}, HTTP :${HTTP_PORT}
                                    └─────────────┘  site ${SITE[4]}
`;
}
