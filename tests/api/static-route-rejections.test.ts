import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatErrors } from '../../src/api/errors.ts';
import { parseStaticRoute } from '../../src/api/kinds/static-route.ts';
import { REJECTED } from './rejections.ts';
import { manifest } from './support.ts';

for (const [name, [object, text]] of Object.entries(REJECTED)) {
  test(`StaticRoute refused: ${name}`, () => {
    const parsed = parseStaticRoute(object, 'routes.yaml:1');
    assert.equal(parsed.ok ? 'accepted' : formatErrors(parsed.errors), text);
  });
}

test('several errors are named at once, the first five in full', () => {
  const parsed = parseStaticRoute(
    manifest({ subnets: ['10.0.0.1/8', '10.0.0.2/8', '10.0.0.3/8', '10.0.0.4/8', '10.0.0.5/8', '10.0.0.6/8'], mtu: 1 }),
  );
  assert.ok(!parsed.ok);
  assert.equal(
    formatErrors(parsed.errors),
    [
      'spec.subnets[0]: "10.0.0.1/8" has host bits set: write 10.0.0.0/8',
      'spec.subnets[1]: "10.0.0.2/8" has host bits set: write 10.0.0.0/8',
      'spec.subnets[2]: "10.0.0.3/8" has host bits set: write 10.0.0.0/8',
      'spec.subnets[3]: "10.0.0.4/8" has host bits set: write 10.0.0.0/8',
      'spec.subnets[4]: "10.0.0.5/8" has host bits set: write 10.0.0.0/8',
      'and 2 more',
    ].join('\n'),
  );
});
