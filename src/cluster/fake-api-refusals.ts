import { ApiError, type ApiObject, type ResourceType } from './api-client.ts';
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

export function mustBeSpecified(type: ResourceType, name: string): ApiError {
  const message = `${resourceName(type)} "${name}" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update`;
  return new ApiError(message, { status: 422, reason: 'Invalid' });
}

export function notFound(type: ResourceType, name: string): ApiError {
  return new ApiError(`${resourceName(type)} "${name}" not found`, { status: 404, reason: 'NotFound' });
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
