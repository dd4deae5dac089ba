import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One holder per network namespace: an abstract Unix socket (unix(7)) lives in its network namespace and vanishes with its process,
 * so a crash leaves no stale lock. Connecting tells who holds it; the connection ends when the holder does.
 */
export interface LockHolder {
  readonly pid: number;
  readonly node: string;
  /** What it does, for people: `agent`, `apply`. */
  readonly role: string;
}

export interface InstanceLock {
  release(): Promise<void>;
}

/** A process that holds the name and does not say who it is: an agent that is stopped, or no agent at all. Nobody has pid 0. */
const STRANGER: LockHolder = { pid: 0, node: 'unknown', role: 'process that does not answer' };
const ANSWER_MS = 1_000;
const RETRY_MS = 20;

/** Takes the lock at once, or answers who has it. */
export async function tryLock(name: string, self: LockHolder): Promise<InstanceLock | LockHolder> {
  for (let waited = 0; ; waited += RETRY_MS) {
    const server = await listen(name, self);
    if (server) return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    const holder = await whoHolds(name);
    if (holder) return holder;
    if (waited >= ANSWER_MS) return STRANGER;
    await sleep(RETRY_MS);
  }
}

/** Waits for the lock; `onWait` hears whom for. */
export async function waitForLock(name: string, self: LockHolder, onWait: (holder: LockHolder) => void): Promise<InstanceLock> {
  for (;;) {
    const answer = await tryLock(name, self);
    if ('release' in answer) return answer;
    onWait(answer);
    await untilGone(name);
  }
}

/** Who holds the lock now; undefined when nobody does, or its holder is just ending. */
export async function whoHolds(name: string): Promise<LockHolder | undefined> {
  const socket = await connect(name);
  return socket && parseHolder(await firstLine(socket));
}

/** What there is of it: a holder that dies before it has answered resets the connection, a stranger may never answer. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const finish = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\n')) finish();
    });
    socket.on('error', finish).on('close', finish);
    socket.setTimeout(ANSWER_MS, () => {
      text = JSON.stringify(STRANGER);
      finish();
    });
  });
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const { pid, node, role } = value as Partial<LockHolder>;
    return { pid: Number(pid), node: String(node), role: String(role) };
  } catch {
    return undefined; // the holder ended in the middle of its answer
  }
}

function listen(name: string, self: LockHolder): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const clients = new Set<Socket>();
    const server = createServer((socket) => {
      clients.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => clients.delete(socket));
      socket.write(`${JSON.stringify(self)}\n`);
    });
    const close = server.close.bind(server);
    server.close = (done) => {
      for (const client of clients) client.destroy();
      return close(done);
    };
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(`\0${name}`, () => resolve(server));
  });
}

function connect(name: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(`\0${name}`);
    socket.once('connect', () => resolve(socket)).once('error', () => resolve(undefined));
  });
}

async function untilGone(name: string): Promise<void> {
  const socket = await connect(name);
  if (!socket) return;
  await new Promise<void>((resolve) =>
    socket
      .on('error', () => resolve())
      .on('close', () => resolve())
      .resume(),
  );
}
