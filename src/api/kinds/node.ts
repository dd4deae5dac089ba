import * as z from 'zod/mini';
import { Address } from '../../core/ip/address.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import type { NodeResource } from '../../core/resources.ts';
import { type FieldError, failed, type Parsed, read } from '../errors.ts';
import { isObject, readMeta } from '../metadata.ts';
import { typeName } from '../quote.ts';

/** The part of a `v1/Node` that planning needs; all else is left unread. It is not ours, so there is no CRD. */
const wire = z.object({
  metadata: z.object({ labels: z.nullish(z.record(z.string(), z.string())) }),
  spec: z.nullish(z.object({ podCIDR: z.nullish(z.string()), podCIDRs: z.nullish(z.array(z.string())) })),
  status: z.nullish(z.object({ addresses: z.nullish(z.array(z.object({ type: z.string(), address: z.string() }))) })),
});

const IP_TYPES = ['InternalIP', 'ExternalIP'];

/** A `v1/Node`. Never throws. */
export function parseNode(value: unknown, source?: string): Parsed<NodeResource> {
  if (!isObject(value)) return failed('', `must be an object, not ${typeName(value)}`);
  const meta = readMeta({ kind: 'Node', scope: 'Cluster' }, value, source);
  if (!meta.ok) return meta;
  const parsed = read(wire, value);
  if (!parsed.ok) return parsed;
  const { metadata, spec, status } = parsed.value;
  const errors: FieldError[] = [];
  const texts = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
  const podCIDRs = convert(texts, Prefix.parse, (i) => `spec.podCIDRs[${i}]`, errors);
  const addresses = (status?.addresses ?? []).map(({ type, address }) => (IP_TYPES.includes(type) ? address : undefined));
  const node = {
    name: meta.value.ref.name,
    labels: new Map(Object.entries(metadata.labels ?? {})),
    podCIDRs,
    addresses: convert(addresses, Address.parse, (i) => `status.addresses[${i}].address`, errors),
  };
  return errors.length > 0 ? { ok: false, errors } : { ok: true, value: node };
}

/** Parses what is there; whatever cannot be parsed becomes an error at its path. */
function convert<T>(
  texts: readonly (string | undefined)[],
  parse: (text: string) => T,
  path: (index: number) => string,
  errors: FieldError[],
): readonly T[] {
  return texts.flatMap((text, i) => {
    if (text === undefined) return [];
    try {
      return [parse(text)];
    } catch (error) {
      errors.push({ path: path(i), message: error instanceof Error ? error.message : String(error) });
      return [];
    }
  });
}
