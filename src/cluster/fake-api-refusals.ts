import { ApiError, type ApiObject, type ResourceType, type WrittenObject } from './api-client.ts';
import { resourceName } from './api-trouble.ts';

/** What an API server refuses with, in its own words. */
export function notServed(): ApiError {
  return new ApiError('the server could not find the requested resource', { status: 404, reason: 'NotFound' });
}

export function exists(type: ResourceType, name: string): ApiError {
  return new ApiError(`${resourceName(type)} "${name}" already exists`, { status: 409, reason: 'AlreadyExists' });
}

export function refuseOther(type: ResourceType, { metadata }: ApiObject, resourceVersion: string): void {
  if (metadata.resourceVersion === resourceVersion) return;
  const fact = `Operation cannot be fulfilled on ${resourceName(type)} "${metadata.name}": the object has been modified`;
  throw conflict(`${fact}; please apply your changes to the latest version and try again`);
}

export function otherUid(type: ResourceType, { metadata }: ApiObject, uid: string): ApiError {
  const fact = `Operation cannot be fulfilled on ${resourceName(type)} "${metadata.name}"`;
  return conflict(`${fact}: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
}

/** Of what is applied, also when there is no object of that name. */
export function refuseAppliedUid(type: ResourceType, present: ApiObject | undefined, { metadata: { name, uid } }: WrittenObject): void {
  if (uid === undefined || uid === present?.metadata.uid) return;
  if (present) throw invalid(`${resourceName(type)} "${name}" is invalid: metadata.uid: Invalid value: "${uid}": field is immutable`);
  const fact = `Operation cannot be fulfilled on ${resourceName(type)} "${name}": uid mismatch`;
  throw conflict(`${fact}: the provided object specified uid ${uid}, and no existing object was found`);
}

export function refuseNewFinalizers(type: ResourceType, before: ApiObject | undefined, { metadata }: ApiObject): void {
  if (before?.metadata.deletionTimestamp === undefined) return;
  const known = before.metadata.finalizers ?? [];
  const found = (metadata.finalizers ?? []).filter((finalizer) => !known.includes(finalizer));
  if (found.length === 0) return;
  const fact = 'no new finalizers can be added if the object is being deleted, found new finalizers';
  throw invalid(`${resourceName(type)} "${metadata.name}" is invalid: metadata.finalizers: Forbidden: ${fact} ${JSON.stringify(found)}`);
}

export function mustBeSpecified(type: ResourceType, name: string): ApiError {
  return invalid(`${resourceName(type)} "${name}" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update`);
}

export function notFound(type: ResourceType, name: string): ApiError {
  return new ApiError(`${resourceName(type)} "${name}" not found`, { status: 404, reason: 'NotFound' });
}

function invalid(message: string): ApiError {
  return new ApiError(message, { status: 422, reason: 'Invalid' });
}

function conflict(message: string): ApiError {
  return new ApiError(message, { status: 409, reason: 'Conflict' });
}

export function badRequest(message: string): ApiError {
  return new ApiError(message, { status: 400, reason: 'BadRequest' });
}

export function expired(message: string): ApiError {
  return new ApiError(message, { status: 410, reason: 'Expired' });
}

export function tooLarge(wanted: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  return new ApiError(message, { status: 504, reason: 'Timeout', retryAfter: 1000 });
}
