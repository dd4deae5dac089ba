import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConfigOptions, kubernetesConfig, namespaceOf } from '../../../src/cluster/kubernetes/config.ts';
import { inClusterConfig } from '../../../src/cluster/kubernetes/in-cluster.ts';
import { CommandFailed } from '../../../src/runtime/config.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';
const DATA = Buffer.from(PEM).toString('base64');

/** A whole kubeconfig with one context, `main`. */
const kubeconfig = (user: unknown, cluster: object = {}, context: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', ...context } }],
  });

describe('the configuration', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fairlead-kubeconfig-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const read = (text: string, options: Partial<ConfigOptions> = {}) =>
    kubernetesConfig({ kubeconfig: file('config', text), env: {}, ...options });
  const fails = (asked: Promise<unknown>, words: RegExp) =>
    assert.rejects(asked, (error) => {
      assert.ok(error instanceof CommandFailed, String(error));
      assert.match(error.message, words);
      return true;
    });

  it('reads YAML: server, CA, token, namespace', async () => {
    const text = [
      'apiVersion: v1',
      'kind: Config',
      'current-context: main',
      'clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", certificate-authority: pki/ca.crt, tls-server-name: kube}}]',
      'users: [{name: u, user: {token: " secret "}}]',
      'contexts: [{name: main, context: {cluster: c, user: u, namespace: prod}}]',
    ].join('\n');
    const config = await read(text);
    assert.deepEqual(config, {
      endpoint: {
        server: 'https://10.0.0.1:6443',
        serverName: 'kube',
        insecure: false,
        certificateAuthority: { file: join(folder, 'pki/ca.crt') },
        origin: `context "main" of ${join(folder, 'config')}`,
      },
      user: { token: { text: 'secret' } },
      namespace: { text: 'prod' },
    });
    assert.equal(await namespaceOf(config), 'prod');
  });

  it('prefers data to files, and a token file to a token', async () => {
    const user = { token: 'secret', tokenFile: 'token', 'client-certificate': 'x', 'client-certificate-data': DATA, 'client-key': '/key' };
    const config = await read(kubeconfig(user, { 'certificate-authority-data': DATA, 'insecure-skip-tls-verify': true }));
    assert.deepEqual(config.user, {
      token: { file: join(folder, 'token') },
      certificate: { certificate: { text: PEM }, key: { file: '/key' } },
    });
    assert.deepEqual(config.endpoint.certificateAuthority, { text: PEM });
    assert.equal(config.endpoint.insecure, true);
    assert.equal(config.endpoint.server, 'https://10.0.0.1:6443');
    assert.equal(await namespaceOf(config), undefined);
  });

  it('merges the files of KUBECONFIG: the first that says something counts', async () => {
    const other = file(
      'other',
      JSON.stringify({
        'current-context': 'other',
        clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.2' } }],
        contexts: [{ name: 'other', context: { cluster: 'c', user: 'u' } }],
      }),
    );
    const main = file('main', kubeconfig({ tokenFile: 'token' }));
    const env = { KUBECONFIG: `${join(folder, 'missing')}:${other}::${main}`, KUBERNETES_SERVICE_HOST: '10.9.9.9', HOME: folder };
    const config = await kubernetesConfig({ env });
    assert.equal(config.endpoint.server, 'https://10.0.0.2');
    assert.equal(config.endpoint.origin, `context "other" of ${other}`);
    assert.deepEqual(config.user, { token: { file: join(folder, 'token') } });
    assert.equal((await kubernetesConfig({ env, context: 'main' })).endpoint.origin, `context "main" of ${main}`);
  });

  it('takes --kubeconfig first, then KUBECONFIG, the pod, the home folder', async () => {
    const explicit = file('explicit', kubeconfig({}, { server: 'https://explicit' }));
    const listed = file('listed', kubeconfig({}, { server: 'https://listed' }));
    mkdirSync(join(folder, '.kube'), { recursive: true });
    file('.kube/config', kubeconfig({}, { server: 'https://home' }));
    const env = { KUBECONFIG: listed, KUBERNETES_SERVICE_HOST: '10.9.9.9', HOME: folder };
    const server = async (options: ConfigOptions) => (await kubernetesConfig(options)).endpoint.server;
    assert.equal(await server({ kubeconfig: explicit, env }), 'https://explicit');
    assert.equal(await server({ env }), 'https://listed');
    assert.equal(await server({ env: { ...env, KUBECONFIG: '' } }), 'https://10.9.9.9:443');
    assert.equal(await server({ env: { HOME: folder } }), 'https://home');
    assert.equal(await server({ context: 'main', env: { ...env, KUBECONFIG: '' } }), 'https://home');
    await fails(
      kubernetesConfig({ env: {} }),
      /^no Kubernetes cluster is configured: give --kubeconfig FILE, set KUBECONFIG, or run in a pod$/,
    );
  });

  it('in a pod is its service account', async () => {
    mkdirSync(join(folder, 'account'));
    file('account/namespace', 'kube-system\n');
    const config = inClusterConfig({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, join(folder, 'account'));
    assert.ok(config);
    assert.deepEqual(config, {
      endpoint: {
        server: 'https://[fd00::1]:6443',
        certificateAuthority: { file: join(folder, 'account/ca.crt') },
        origin: `the service account of this pod (${join(folder, 'account')})`,
      },
      user: { token: { file: join(folder, 'account/token') } },
      namespace: { file: join(folder, 'account/namespace') },
    });
    assert.equal(await namespaceOf(config), 'kube-system');
    assert.equal(inClusterConfig({}), undefined);
    const bare = inClusterConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, join(folder, 'none'));
    assert.ok(bare);
    await assert.rejects(namespaceOf(bare), (error) => {
      assert.ok(error instanceof CommandFailed, String(error));
      assert.match(error.message, /^the file .*\/none\/namespace cannot be read .*: put it there, or name the namespace with --namespace$/);
      return true;
    });
  });

  it('describes a credential plugin', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'bin/login',
      args: ['--now'],
      env: [{ name: 'REGION', value: 'eu' }],
      interactiveMode: 'IfAvailable',
      provideClusterInfo: true,
      installHint: 'install it',
    };
    const text = kubeconfig({ exec }, { 'certificate-authority-data': DATA });
    assert.deepEqual((await read(text, { env: { HOME: '/root' }, interactive: true })).user, {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: join(folder, 'bin/login'),
        args: ['--now'],
        env: { HOME: '/root', REGION: 'eu' },
        interactive: true,
        installHint: 'install it',
        cluster: { server: 'https://10.0.0.1:6443/', 'certificate-authority-data': DATA },
        origin: `context "main" of ${join(folder, 'config')}`,
      },
    });
    assert.equal((await read(text)).user.exec?.interactive, false);
    const beta = { exec: { apiVersion: 'client.authentication.k8s.io/v1beta1', command: 'login', env: null, args: null } };
    assert.deepEqual((await read(kubeconfig(beta))).user.exec?.command, 'login');
  });

  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'login', interactiveMode: 'Never' };
  for (const [what, text, words] of [
    ['no YAML', 'a: [', /config is not valid YAML \(.+\): correct it$/],
    ['no map', '- a', /config is no kubeconfig: write a map with clusters, users and contexts$/],
    ['no context', '{}', /config has no current-context: give --context, one of none$/],
    [
      'a context that is not there',
      '{current-context: x, contexts: [{name: y}]}',
      /its current-context names "x", which is not among the contexts of \S+ \(y\)$/,
    ],
    ['a context without a cluster', '{current-context: x, contexts: [{name: x}]}', /config: contexts\[x\]\.cluster is missing: write it$/],
    [
      'an unknown cluster',
      kubeconfig({}, {}, { cluster: 'z' }),
      /context "main" of \S+: cluster names "z", which is not among the clusters of \S+ \(c\)$/,
    ],
    ['an unknown user', kubeconfig({}, {}, { user: 'z' }), /: user names "z", which is not among the users of \S+ \(u\)$/],
    ['clusters that are no list', '{current-context: x, contexts: {}}', /config: contexts must be a list of maps$/],
    [
      'a server without https',
      kubeconfig({}, { server: 'http://x' }),
      /clusters\[c\]\.server must begin with https:\/\/ instead of http:\/\/x$/,
    ],
    ['a server that is no URL', kubeconfig({}, { server: 'here' }), /clusters\[c\]\.server is no URL: here; write https:\/\/HOST:PORT$/],
    ['a proxy', kubeconfig({}, { 'proxy-url': 'http://p' }), /clusters\[c\]\.proxy-url is not supported: connect without a proxy/],
    ['a switch that is a text', kubeconfig({}, { 'insecure-skip-tls-verify': 'yes' }), /insecure-skip-tls-verify must be true or false$/],
    [
      'data that is no PEM',
      kubeconfig({}, { 'certificate-authority-data': 'xx' }),
      /certificate-authority-data is not PEM in base64: copy it again$/,
    ],
    [
      'a password',
      kubeconfig({ username: 'x', password: 'y' }),
      /users\[u\]\.username is not supported, since Kubernetes has no passwords/,
    ],
    [
      'an auth provider',
      kubeconfig({ 'auth-provider': { name: 'gcp' } }),
      /users\[u\]\.auth-provider is not supported, since kubectl has dropped it/,
    ],
    ['impersonation', kubeconfig({ as: 'x' }), /users\[u\]\.as is not supported: use credentials of that user$/],
    ['a token that is a number', kubeconfig({ token: 5 }), /users\[u\]\.token must be a text: put it in quotes$/],
    [
      'a certificate without a key',
      kubeconfig({ 'client-certificate': 'x' }),
      /users\[u\]\.client-key is missing beside client-certificate/,
    ],
    ['a key without a certificate', kubeconfig({ 'client-key': 'x' }), /users\[u\]\.client-certificate is missing beside client-key/],
    [
      'an old plugin',
      kubeconfig({ exec: { ...exec, apiVersion: 'client.authentication.k8s.io/v1alpha1' } }),
      /exec\.apiVersion is "\S+v1alpha1": write one of/,
    ],
    ['a plugin without a command', kubeconfig({ exec: { ...exec, command: '' } }), /users\[u\]\.exec\.command is missing: write it$/],
    [
      'a plugin without a mode',
      kubeconfig({ exec: { ...exec, interactiveMode: null } }),
      /exec\.interactiveMode is missing: write one of Never, IfAvailable, Always$/,
    ],
    [
      'a plugin that needs a person',
      kubeconfig({ exec: { ...exec, interactiveMode: 'Always' } }),
      /exec\.interactiveMode is Always, and nobody sits at a terminal/,
    ],
    ['arguments that are no list', kubeconfig({ exec: { ...exec, args: '-x' } }), /exec\.args must be a list of texts$/],
    ['a variable without a name', kubeconfig({ exec: { ...exec, env: [{ value: 'x' }] } }), /exec\.env\[0\]\.name is missing: write it$/],
  ] as const) {
    it(`refuses ${what}`, () => fails(read(text), words));
  }

  it('refuses a file that is not there, or cannot be read', async () => {
    await fails(kubernetesConfig({ kubeconfig: join(folder, 'missing'), env: {} }), /^there is no kubeconfig at \S+missing: put it there/);
    await fails(kubernetesConfig({ kubeconfig: folder, env: {} }), /cannot be read \(EISDIR.*\): correct/);
    await fails(read(kubeconfig({}), { context: 'x' }), /^--context names "x", which is not among the contexts of \S+ \(main\)$/);
  });
});
