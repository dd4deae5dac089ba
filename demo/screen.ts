import { styleText } from 'node:util';

/** One promise and what was measured of it. */
export interface Check {
  readonly step: string;
  readonly expected: string;
  readonly measured: string;
  readonly ok: boolean;
}

/** Text for a person on a terminal, or plain lines for a log. `styleText` leaves colours out unless a terminal wants them. */
export class Screen {
  readonly checks: Check[] = [];
  #step = '';
  #count = 0;

  /** `name` is for the table, `title` for the story. */
  step(name: string, title: string): void {
    this.#step = name;
    this.#line(`\n${paint('bold', `${++this.#count}. ${title}`)}`);
  }

  say(text: string): void {
    this.#line(`   ${text}`);
  }

  /** A block of file or command output. */
  show(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#line(`     ${paint('cyan', line)}`);
  }

  /** Says what is being done until it is done: on a terminal the line is then wiped. */
  async during<T>(label: string, task: Promise<T>): Promise<T> {
    if (!process.stdout.isTTY) return task;
    process.stdout.write(`   ${paint('dim', `… ${label}`)}`);
    try {
      return await task;
    } finally {
      process.stdout.write('\r\x1b[K');
    }
  }

  /** Records a check of the present step. */
  check(expected: string, measured: string, ok: boolean): void {
    this.checks.push({ step: this.#step, expected, measured, ok });
    this.#line(`   ${mark(ok)} ${expected}: ${measured}`);
  }

  /** The table of all checks; answers whether all are true. */
  summary(seconds: number): boolean {
    const widths = (['step', 'expected', 'measured'] as const).map((key) =>
      Math.max(key.length, ...this.checks.map((check) => check[key].length)),
    );
    const row = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
    this.#line(`\n  ${paint('bold', row(['step', 'expected', 'measured']))}`);
    let previous = '';
    for (const { step, expected, measured, ok } of this.checks) {
      this.#line(`${mark(ok)} ${row([step === previous ? '' : step, expected, measured]).trimEnd()}`);
      previous = step;
    }
    const failed = this.checks.filter((check) => !check.ok).length;
    const verdict = failed === 0 ? paint('green', 'all true') : paint('red', `${failed} not true`);
    this.#line(`\n  ${this.checks.length} checks, ${verdict}, ${seconds.toFixed(1)} s`);
    return failed === 0;
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`);
  }
}

function mark(ok: boolean): string {
  return ok ? paint('green', '✓') : paint('red', '✗');
}

function paint(style: 'bold' | 'dim' | 'cyan' | 'green' | 'red', text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
