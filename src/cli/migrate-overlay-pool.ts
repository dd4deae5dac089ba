import { isMap, isNode, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLMap } from 'yaml';
import { API_VERSION } from '../api/define-kind.ts';
import { formatErrors } from '../api/errors.ts';
import { parseOverlayPool } from '../api/kinds/overlay-pool.ts';
import { fieldsOf } from '../controller/wire.ts';
import type { Workloads } from './migrate-overlay-workloads.ts';
import { type Finding, firstLine, type Located, textAt } from './migrated.ts';

/** Its controller read this one file, so the key is the same whatever the ConfigMap is called. */
const CONFIG_FILE = 'overlay-ip-config.yaml';
const PATH = ['data', CONFIG_FILE] as const;

/** It had one set of ranges and one device for each node. */
export const POOL = 'default';

export interface MigratedPool {
  readonly resource?: object;
  readonly findings: readonly Finding[];
  /** The host of phpIPAM, where that is a name that only the namespace of the older system knows. */
  readonly localHost?: string;
}

/** Whether this is the ConfigMap with its configuration. */
export function isConfiguration({ object }: Located): boolean {
  return object['kind'] === 'ConfigMap' && CONFIG_FILE in fieldsOf(object['data']);
}

/** The OverlayPool for the first configuration; which node was whose is not recorded where there are several. */
export function migratePool(configurations: readonly Located[], workloads: Workloads): MigratedPool {
  const [first, ...others] = configurations;
  if (first === undefined) return { findings: [] };
  const surplus = others.map((other): Finding => ({ where: other.where(...PATH), message: surplusMessage(first) }));
  const read = readConfiguration(first);
  if (read.settings === undefined) return { findings: [...read.findings, ...surplus] };
  const { url, localHost } = reachable(read.settings.url, first);
  const resource = poolOf({ ...read.settings, url }, workloads);
  const parsed = parseOverlayPool(resource);
  if (parsed.ok) return { resource, findings: [...read.findings, ...surplus], ...(localHost !== undefined && { localHost }) };
  const message = `the OverlayPool is left out: ${formatErrors(parsed.errors).replaceAll('\n', '; ')}`;
  return { findings: [...read.findings, { where: first.where(...PATH), message }, ...surplus] };
}

function surplusMessage(first: Located): string {
  return `a second configuration is left out: one is at ${first.where(...PATH)}; migrate each with its own nodes, and give the pools different names and devices`;
}

interface Settings {
  readonly url: string;
  readonly appID: string;
  readonly subnetMap: Readonly<Record<string, readonly number[]>>;
}

interface ReadSettings {
  readonly settings?: Settings;
  readonly findings: readonly Finding[];
}

function poolOf({ url, appID, subnetMap }: Settings, { parent, device, nodeSelector, credentials }: Workloads): object {
  const carrier = { ...(parent !== undefined && { parent: { name: parent } }), ...(device !== undefined && { name: device }) };
  return {
    apiVersion: API_VERSION,
    kind: 'OverlayPool',
    metadata: { name: POOL },
    spec: {
      ipam: { phpIPAM: { url, appID, subnetMap, credentialsSecret: credentials.secret } },
      ...(Object.keys(carrier).length > 0 && { interface: carrier }),
      ...(nodeSelector && { nodeSelector: { matchLabels: nodeSelector } }),
    },
  };
}

/** The YAML within the YAML. Its lines are found again in the file that it is in. */
function readConfiguration(configMap: Located): ReadSettings {
  const text = textAt(configMap.object, ...PATH);
  if (text === undefined) return { findings: [{ where: configMap.where(...PATH), message: `${CONFIG_FILE} is not a text` }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const found = (offset: number, message: string): Finding => ({
    where: configMap.whereInText(lines.linePos(offset).line, ...PATH),
    message: `${CONFIG_FILE}: ${firstLine(message)}`,
  });
  const [error] = document.errors;
  if (error) return { findings: [found(error.pos[0], `it is not YAML: ${error.message}`)] };
  return readSettings(document.contents, found);
}

type Found = (offset: number, message: string) => Finding;

function readSettings(contents: ParsedNode | null, found: Found): ReadSettings {
  const top = isMap(contents) ? contents.get('phpIPAM', true) : undefined;
  const start = contents?.range[0] ?? 0;
  if (!isMap(top)) {
    const misplaced = isMap(contents) && contents.has('url') ? ': what belongs to it stands beside it; indent that' : '';
    return { findings: [found(start, `phpIPAM is missing or empty${misplaced}`)] };
  }
  const [url, appID] = ['url', 'appID'].map((key) => scalarText(top.get(key)));
  const missing = [url === undefined ? 'url' : [], appID === undefined ? 'appID' : []].flat();
  const { subnetMap, findings } = readSubnetMap(top, found);
  const faults = missing.map((key) => found(offsetOf(top, start), `phpIPAM.${key} is missing`));
  if (url === undefined || appID === undefined || subnetMap === undefined) return { findings: [...faults, ...findings] };
  return { settings: { url, appID, subnetMap }, findings };
}

function readSubnetMap(top: YAMLMap, found: Found): { readonly subnetMap?: Settings['subnetMap']; readonly findings: readonly Finding[] } {
  const node = top.get('subnetMap', true);
  const key = top.items.find((pair) => isScalar(pair.key) && pair.key.value === 'subnetMap')?.key;
  const start = offsetOf(key, offsetOf(top, 0));
  if (!isMap(node) || node.items.length === 0) {
    return { findings: [found(start, 'phpIPAM.subnetMap is empty: it names no subnet to give addresses from')] };
  }
  const zones: [string, readonly number[]][] = [];
  const findings: Finding[] = [];
  for (const { key: name, value } of node.items) {
    // A node without the label was served by the entry without a name.
    const zone = scalarText(plain(name)) ?? '*';
    const entries = isSeq(value) ? value.items : [];
    const { ids, faults } = readIDs(entries.map(plain));
    const refuse = (item: unknown, fault: string): void =>
      void findings.push(found(offsetOf(item, offsetOf(name, start)), `phpIPAM.subnetMap: ${fault}`));
    if (entries.length === 0) refuse(name, `zone ${zone} is left out: it has no list of subnet IDs`);
    for (const [i, fault] of faults) refuse(entries[i], `${JSON.stringify(entries[i])} of zone ${zone} is left out: ${fault}`);
    if (ids.length > 0) zones.push([zone, ids]);
  }
  return zones.length === 0 ? { findings } : { subnetMap: Object.fromEntries(zones), findings };
}

/** The usable ones, and what is wrong with the others, by their position. */
function readIDs(entries: readonly unknown[]): { readonly ids: readonly number[]; readonly faults: ReadonlyMap<number, string> } {
  const ids = new Set<number>();
  const faults = new Map<number, string>();
  for (const [i, entry] of entries.entries()) {
    const id = /^[1-9]\d*$/.test(String(entry)) ? Number(entry) : undefined;
    if (id === undefined) faults.set(i, 'the ID of a subnet in phpIPAM is a whole number');
    else if (ids.has(id)) faults.set(i, 'it is there already');
    else ids.add(id);
  }
  return { ids: [...ids], faults };
}

/** YAML reads an application that is called 7 as a number. */
function scalarText(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined;
}

function plain(node: unknown): unknown {
  return isNode(node) ? node.toJSON() : node;
}

function offsetOf(node: unknown, otherwise: number): number {
  return isNode(node) ? (node.range?.[0] ?? otherwise) : otherwise;
}

/** A bare host name is a Service beside the older controller: ours looks it up from another namespace. */
function reachable(url: string, { object }: Located): { readonly url: string; readonly localHost?: string } {
  const bare = url.replace(/\/+$/, '');
  const host = /^https?:\/\/([a-z][a-z0-9-]*)(?=[:/]|$)/i.exec(bare)?.[1];
  if (host === undefined || host === 'localhost') return { url: bare };
  const namespace = textAt(object, 'metadata', 'namespace');
  if (namespace === undefined) return { url: bare, localHost: host };
  return { url: bare.replace(/^(https?:\/\/[^:/]+)/i, `$1.${namespace}.svc`), localHost: host };
}
