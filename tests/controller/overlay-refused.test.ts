import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Inventory, IpamRefused } from '../../src/ipam/provider.ts';
import { EXTERNAL, ExternalIpam } from './external-ipam.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

/** An external IPAM with a wrong password in the Secret, say. */
class RefusingIpam extends ExternalIpam {
  refuses = true;
  looks = 0;

  override async look(): Promise<Inventory> {
    this.looks++;
    if (this.refuses) throw new IpamRefused('phpIPAM says "Invalid username or password": correct Secret ipam');
    return super.look();
  }
}

it(
  'an external IPAM that refuses is asked once a minute, so what is corrected in a Secret counts within one',
  scenario(1, async (stage) => {
    const ipam = new RefusingIpam('10.9.0.0/24');
    stage.start('a', ipam.options);
    stage.putPoolSpec('default', { ipam: EXTERNAL });
    await stage.advance(30 * 60_000);
    assert.match(stage.message(), /correct Secret ipam/);
    assert.ok(ipam.looks <= 35, `${ipam.looks} looks`);
    ipam.refuses = false;
    await stage.advance(61_000);
    assert.equal(stage.state('n1'), '10.9.0.2 Granted InPlace');
  }),
);
