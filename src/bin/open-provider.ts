import { type ApiClient, ApiError, type ApiObject, isNotFound, type ResourceType } from '../cluster/api-client.ts';
import type { OpenProvider } from '../controller/overlay/ipam-keeper.ts';
import type { PhpIpam } from '../core/resources.ts';
import { openClusterIpam } from '../ipam/cluster/cluster-ipam.ts';
import type { Credentials } from '../ipam/credentials.ts';
import { LoginGuard } from '../ipam/phpipam/login-guard.ts';
import { type IpamProvider, IpamRefused, IpamUnavailable } from '../ipam/provider.ts';
import type { Clock } from '../runtime/clock.ts';

const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const SECRETS: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
/** Every cluster has it, and no two have it with the same uid: so it tells clusters apart that share a phpIPAM. */
const IDENTITY = { name: 'kube-system' } as const;
/** Characters of the uid that are enough for people. */
const SHORT_UID = 8;

export interface ProviderOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Where the Secrets are that pools name. */
  readonly namespace: string;
  /** What people call the cluster; absent: the beginning of the uid that tells it apart. */
  readonly clusterName: string | undefined;
}

/** The providers that pools may name. */
export function providersOf(options: ProviderOptions): OpenProvider {
  const guard = new LoginGuard(options.clock);
  let identity: Promise<ApiObject> | undefined;
  const uid = async (): Promise<string> => {
    identity ??= options.client.get(NAMESPACES, IDENTITY);
    const asked = identity;
    return (
      await translated(
        () => asked,
        'namespace kube-system',
        () => (identity = undefined),
      )
    ).metadata.uid;
  };
  return ({ ipam, meta }) => {
    if (ipam.type === 'cluster') return openClusterIpam(ipam);
    return new LateProvider(async () => {
      const known = await uid();
      const cluster = { uid: known, name: options.clusterName ?? known.slice(0, SHORT_UID) };
      const credentials = (): Promise<Credentials> => readCredentials(options, ipam);
      // An agent, which opens a cluster too, need not load it.
      const { openPhpIpam } = await import('../ipam/phpipam/phpipam.ts');
      return openPhpIpam({ ipam, cluster, pool: meta.ref.name, credentials, clock: options.clock, guard });
    });
  };
}

/** A provider that is opened when it is first asked, because that needs an API server that answers. */
class LateProvider implements IpamProvider {
  readonly #open: () => Promise<IpamProvider>;
  #opening: Promise<IpamProvider> | undefined;

  constructor(open: () => Promise<IpamProvider>) {
    this.#open = open;
  }

  async look(signal?: AbortSignal) {
    return (await this.#provider()).look(signal);
  }

  async claim(holdings: Parameters<IpamProvider['claim']>[0], signal?: AbortSignal) {
    return (await this.#provider()).claim(holdings, signal);
  }

  async release(holdings: Parameters<IpamProvider['release']>[0], signal?: AbortSignal) {
    return (await this.#provider()).release(holdings, signal);
  }

  async close(): Promise<void> {
    await this.#opening?.then(
      (provider) => provider.close(),
      () => undefined,
    );
  }

  #provider(): Promise<IpamProvider> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }
}

async function readCredentials({ client, namespace }: ProviderOptions, { auth, credentialsSecret: name }: PhpIpam): Promise<Credentials> {
  const needed = auth === 'AppCode' ? ['code'] : ['username', 'password'];
  if (name === undefined)
    throw new IpamRefused(`spec.ipam.phpIPAM.credentialsSecret is missing: name a Secret with ${needed.join(' and ')}`);
  const words = `Secret ${namespace}/${name}`;
  const secret = await translated(() => client.get(SECRETS, { namespace, name }), words);
  const [first, second] = needed.map((key) => decoded(secret, key, words));
  return auth === 'AppCode' ? { code: first ?? '' } : { username: first ?? '', password: second ?? '' };
}

function decoded({ data }: ApiObject, key: string, words: string): string {
  const values = typeof data === 'object' && data !== null ? new Map<string, unknown>(Object.entries(data)) : new Map<string, unknown>();
  const value = values.get(key);
  const text = typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
  if (text.trim() === '') throw new IpamRefused(`${words} has no ${key}: put it there`);
  return text;
}

/** What an API server has said, in the words of providers. */
async function translated<T>(ask: () => Promise<T>, words: string, failed: () => void = () => {}): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    failed();
    if (!(error instanceof ApiError)) throw error;
    if (isNotFound(error)) throw new IpamRefused(`there is no ${words}: create it`, { cause: error });
    if (error.status === 403)
      throw new IpamRefused(`${words} cannot be read: ${error.message}; let the controller get it`, { cause: error });
    throw new IpamUnavailable(`${words} cannot be read: ${error.message}`, { cause: error });
  }
}
