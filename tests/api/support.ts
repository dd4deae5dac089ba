/** An object of ours as it comes from a manifest: what is undefined is not there. */
export function object(kind: string, spec: unknown, metadata: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify({ apiVersion: 'fairlead.dev/v1alpha1', kind, metadata, spec }));
}

/** A StaticRoute. */
export function manifest(spec: unknown, metadata: unknown = { name: 'on-prem' }): Record<string, unknown> {
  return object('StaticRoute', spec, metadata);
}

/** A spec that is right but for what is given. */
export function spec(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { subnets: ['192.168.50.0/24'], ...fields };
}

/** The value as JSON, maps as objects. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner: unknown) => (inner instanceof Map ? Object.fromEntries(inner) : inner)));
}
