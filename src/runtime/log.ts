import { pino } from 'pino';

export type LogFormat = 'text' | 'json';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, unknown>>;

/** One line per event. The message alone must make sense; fields are for machines. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** A log that writes lines through `write`: JSON as pino makes it, or `time LEVEL message` for people. */
export function createLog(format: LogFormat, write: (line: string) => void, level: LogLevel = 'info'): Log {
  const destination = { write: format === 'json' ? write : (line: string) => write(readable(line)) };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, destination);
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}

function readable(line: string): string {
  const { time, level, msg } = JSON.parse(line) as { readonly time: string; readonly level: string; readonly msg: string };
  return `${time} ${level.toUpperCase().padEnd(5)} ${msg.replaceAll(/\s*\n\s*/g, '; ')}\n`;
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
