import type { ApiClient, ApiObject, ResourceType, Selection } from '../cluster/api-client.ts';
import { ApiError, isNotFound } from '../cluster/api-client.ts';
import { CommandFailed } from '../runtime/config.ts';

/** Objects per request: a page is one answer in memory, here and in the API server. */
const PAGE = 500;

export interface Listing {
  /** Default: all. */
  readonly selection?: Selection;
  /** Objects per request. */
  readonly page?: number;
  /** Which to answer; the others are forgotten page by page. Default: all. */
  readonly keep?: (object: ApiObject) => boolean;
}

/** Every object of a type. @throws ApiError */
export async function listAll(client: ApiClient, type: ResourceType, listing: Listing = {}): Promise<readonly ApiObject[]> {
  const { selection = {}, page: limit = PAGE, keep = () => true } = listing;
  const objects: ApiObject[] = [];
  let rest: string | undefined;
  do {
    const page = await client.list(type, { ...selection, limit, ...(rest === undefined ? {} : { continue: rest }) });
    objects.push(...page.items.filter(keep));
    rest = page.continue;
  } while (rest !== undefined);
  return objects;
}

/** The same; none where the server does not know the type, as before an upgrade of the definitions. @throws ApiError */
export async function listIfServed(client: ApiClient, type: ResourceType): Promise<readonly ApiObject[]> {
  try {
    return await listAll(client, type);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Whether the server knows a type. @throws ApiError */
export async function isServed(client: ApiClient, type: ResourceType): Promise<boolean> {
  try {
    await client.list(type, { limit: 1 });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Does what needs the API server. A command does not try again, as an agent does. @throws CommandFailed in its words */
export async function askingTheCluster<T>(client: ApiClient, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) throw new CommandFailed(error.status === 404 ? notInstalled(client) : error.message);
    throw error;
  } finally {
    await client.close();
  }
}

/** Does what needs rights, and says which when they are missing: `rights` completes "ask for". @throws CommandFailed */
export async function withRights<T>(rights: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) throw new CommandFailed(`${error.message}: ask for ${rights}`);
    throw error;
  }
}

function notInstalled({ server }: ApiClient): string {
  return `${server} does not know our kinds: install them with "fairlead crds | kubectl apply --server-side -f -"`;
}
