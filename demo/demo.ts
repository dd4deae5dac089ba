// Shows on this machine, with real packets in network namespaces, what Fairlead is for. Exit status 0: every check is true.
import { drawTopology } from './drawing.ts';
import { brokenBefore } from './problem.ts';
import { Screen } from './screen.ts';
import { cleaned, fixed, healed, moved, refused } from './steps.ts';
import { createLab, prepare } from './story.ts';

const screen = new Screen();
const start = performance.now();

async function tell(): Promise<void> {
  await using lab = await createLab(screen);
  process.stdout.write(`${drawTopology()}`);
  const story = await prepare(screen, lab);
  for (const step of [brokenBefore, fixed, healed, moved, refused, cleaned]) await step(story);
}

try {
  await tell();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`demo: ${text}\n`);
  if (screen.checks.length > 0) screen.check('the demo ends', text.slice(0, 40).replaceAll('\n', ' '), false);
  process.exitCode = 1;
}
if (screen.checks.length > 0 && !screen.summary((performance.now() - start) / 1000)) process.exitCode = 1;
