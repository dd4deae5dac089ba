import type { IpamRefused } from '../provider.ts';
import { type Refusal, readAnswer, type Success } from './answer.ts';
import type { LoginGuard } from './login-guard.ts';
import type { HttpRequest, Transport } from './transport.ts';
import { BLOCKED_MILLISECONDS, blocked, foreignAnswer, judge, type Setting } from './verdict.ts';

/** Milliseconds that reading may take: a list of 20,000 rows takes less than one second. */
export const READ_PATIENCE = 20_000;
/** Writing, and logging in, waits for a lock: 30 s as phpIPAM is delivered, and what comes after that is still carried out. */
export const WRITE_PATIENCE = 45_000;

/** `other` refusals are for whoever asked. */
export type Reply = Success | Refusal | { readonly type: 'token' } | { readonly type: 'credentials'; readonly error: IpamRefused };

export type Question = Omit<HttpRequest, 'headers' | 'patience'>;

/** One question to phpIPAM, one answer from it; whatever keeps us from that is thrown. */
export class Conversation {
  readonly setting: Setting;
  readonly #transport: Transport;
  readonly #guard: LoginGuard;
  /** Whom a block concerns: applications of one server share it. */
  readonly server: string;

  constructor(setting: Setting, transport: Transport, guard: LoginGuard) {
    this.setting = setting;
    this.#transport = transport;
    this.#guard = guard;
    this.server = transport.address.origin;
  }

  /** @throws IpamUnavailable @throws IpamRefused */
  async ask(question: Question, headers: Readonly<Record<string, string>>): Promise<Reply> {
    const pause = this.#guard.blockedFor(this.server);
    if (pause > 0) throw blocked(this.setting, pause);
    const patience = question.method === 'GET' ? READ_PATIENCE : WRITE_PATIENCE;
    const raw = await this.#transport.exchange({ ...question, headers, patience });
    const answer = readAnswer(raw);
    if (answer.type === 'foreign') throw foreignAnswer(answer, raw, this.setting);
    if (answer.type === 'success') return answer;
    const verdict = judge(answer, this.setting);
    if (verdict.type === 'blocked') this.#guard.blocked(this.server, BLOCKED_MILLISECONDS);
    if (verdict.type === 'blocked' || verdict.type === 'failed') throw verdict.error;
    return verdict.type === 'other' ? answer : verdict;
  }
}
