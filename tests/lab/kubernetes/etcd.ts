import { type RequestOptions, request } from 'node:http';

/** Compacts everything up to now, and waits until it is done (etcd's JSON gateway, /v3/kv/compaction). */
export async function compactEtcd(place: Pick<RequestOptions, 'host' | 'port' | 'socketPath'>): Promise<void> {
  const status = (await call(place, '/v3/maintenance/status', {})) as { readonly header: { readonly revision: string } };
  await call(place, '/v3/kv/compaction', { revision: status.header.revision, physical: true });
}

function call(place: RequestOptions, path: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const post = request({ ...place, path, method: 'POST' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('error', reject).on('end', () => {
        if (answer.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`etcd ${path}: HTTP ${answer.statusCode}: ${text}`));
      });
    });
    post.on('error', reject).end(JSON.stringify(body));
  });
}
