export type LogFormat = 'text' | 'json';
export type LogLevel = 'info' | 'warn' | 'error';

/** One line per event, for a person who knows nothing else: the message names the object, the node, the fact and the fix. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Lines go to `write`: `time LEVEL message` for people, or JSON with the fields time, level and msg. */
export function createLog(format: LogFormat, write: (line: string) => void, now: () => Date = () => new Date()): Log {
  const line = format === 'json' ? jsonLine : textLine;
  const log = (level: LogLevel) => (message: string) => write(line(now().toISOString(), level, message));
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

function jsonLine(time: string, level: LogLevel, msg: string): string {
  return `${JSON.stringify({ time, level, msg })}\n`;
}

/** One event, one line. */
function textLine(time: string, level: LogLevel, message: string): string {
  return `${time} ${level.toUpperCase().padEnd(5)} ${message.replaceAll(/\s*\n\s*/g, '; ')}\n`;
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };
