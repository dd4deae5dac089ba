/** A StaticRoute as it comes from a manifest. */
export function manifest(spec: unknown, metadata: unknown = { name: 'on-prem' }): Record<string, unknown> {
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata, spec };
}

/** A spec that is right but for what is given. */
export function spec(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { subnets: ['192.168.50.0/24'], ...fields };
}
