import type { Running } from './process.ts';

/** A tcpdump at work. */
export interface Capture {
  /** One line per packet so far, as tcpdump prints it. */
  lines(): readonly string[];
  /** Ends the capture and answers every line. */
  stop(): Promise<readonly string[]>;
}

export async function startCapture(tcpdump: Running): Promise<Capture> {
  tcpdump.finishInput();
  await tcpdump.printed(/listening on/);
  return {
    lines: () => linesOf(tcpdump.stdout),
    async stop() {
      tcpdump.kill('SIGINT');
      return linesOf((await tcpdump.ended).stdout);
    },
  };
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
