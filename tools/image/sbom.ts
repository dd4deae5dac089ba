/** The bill of materials: CycloneDX 1.6 JSON, https://cyclonedx.org/docs/1.6/json/. Without serial number and time, so that it is reproducible. */
import { DEBIAN_VERSION } from './contents.ts';
import type { LockedPackage } from './debian.ts';
import { checksumOf, type LockedModule } from './npm.ts';

interface Component {
  readonly type: 'application' | 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  /** `excluded`: took part in the build, and is not in the image. */
  readonly scope: 'required' | 'excluded';
  readonly purl: string;
  readonly cpe?: string;
  readonly hashes: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** @param name for example `@opentelemetry/api` */
export function npmComponent(name: string, locked: LockedModule): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(locked.version)}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version: locked.version,
    scope: 'required',
    purl,
    hashes: [{ alg: 'SHA-512', content: checksumOf(locked).hex }],
    ...(locked.license && { licenses: [{ license: { id: locked.license } }] }),
  };
}

/** Node is published under other names on npm; the CPE is the one that advisories use. */
export function nodeComponent(name: string, locked: LockedModule): Component {
  return { ...npmComponent(name, locked), type: 'application', cpe: `cpe:2.3:a:nodejs:node.js:${locked.version}:*:*:*:-:*:*:*` };
}

export function debComponent(locked: LockedPackage, scope: Component['scope']): Component {
  const architecture = /_(\w+)\.deb$/.exec(locked.path)?.[1];
  const purl = `pkg:deb/debian/${encodeURIComponent(locked.name)}@${encodeURIComponent(locked.version)}?arch=${architecture}&distro=debian-${DEBIAN_VERSION}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name: locked.name,
    version: locked.version,
    scope,
    purl,
    hashes: [{ alg: 'SHA-256', content: locked.sha256 }],
    ...(scope === 'required' && { properties: [{ name: 'fairlead:licence', value: `/usr/share/doc/${locked.name}/copyright` }] }),
  };
}

/** A component that is named twice, as one that compiles and is shipped too, is listed once: the first counts. */
export function bom(version: string, components: readonly Component[]): string {
  const unique = [...new Map(components.toReversed().map((component) => [component['bom-ref'], component])).values()].sort((a, b) =>
    a['bom-ref'] < b['bom-ref'] ? -1 : 1,
  );
  const self = `pkg:oci/fairlead@${version}`;
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'container', 'bom-ref': self, name: 'fairlead', version, licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components: unique,
    dependencies: [{ ref: self, dependsOn: unique.filter(({ scope }) => scope === 'required').map((component) => component['bom-ref']) }],
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
