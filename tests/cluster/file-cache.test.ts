import assert from 'node:assert/strict';
import { it } from 'node:test';
import { wireRoute } from '../../src/cluster/cluster.contract.ts';
import { FileCache } from '../../src/cluster/directory/file-cache.ts';
import { Folder } from './folder.ts';

it('a file that looks the same is read again only while it is young, and a reading stays while the content does', async (t) => {
  const folder = await Folder.for(t);
  const cache = new FileCache(folder.path);
  const young = { path: 'a.json', identity: 'same', changed: Date.now() };
  const old = { ...young, changed: 0 };
  await folder.write('a.json', wireRoute('a', '10.1.0.0/16'));
  const [first] = await cache.read([young]);
  const [touched] = await cache.read([young]);
  assert.equal(touched?.reading, first?.reading);
  await folder.write('a.json', wireRoute('a', '10.2.0.0/16'));
  const [changed] = await cache.read([old]);
  assert.notEqual(changed?.reading, first?.reading);
  await folder.write('a.json', wireRoute('a', '10.3.0.0/16'));
  const [unread] = await cache.read([old]);
  assert.equal(unread?.reading, changed?.reading);
});
