import { API_VERSION, type Kind } from '../api/define-kind.ts';
import type { ResourceType } from './api-client.ts';

export const NODES: ResourceType = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };

/** The type by which the API knows one of our kinds. */
export function typeOf({ kind, plural, scope }: Pick<Kind, 'kind' | 'plural' | 'scope'>): ResourceType {
  return { apiVersion: API_VERSION, kind, plural, namespaced: scope === 'Namespaced' };
}
