import { readFile, writeFile } from 'node:fs/promises';
import { KernelUnavailable } from '../kernel/kernel.ts';
import { FileFailed, failedTo } from '../runtime/atomic-file.ts';
import { CommandFailed } from '../runtime/config.ts';

/** The text of a file that the command line names. @throws CommandFailed */
export function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => fail('read', file, error));
}

/** Also to a device or a pipe, so the file is not replaced but written. @throws CommandFailed */
export function writeText(file: string, text: string): Promise<void> {
  return writeFile(file, text).catch((error: unknown) => fail('write', file, error));
}

/** Does what needs the kernel or our own files. A command does not try again, as an agent does. @throws CommandFailed when they fail */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KernelUnavailable) throw new CommandFailed(`the kernel does not answer: ${error.message}; try again`);
    if (error instanceof FileFailed) throw new CommandFailed(error.message);
    throw error;
  }
}

function fail(verb: 'read' | 'write', file: string, cause: unknown): never {
  throw new CommandFailed(failedTo(verb, file, cause).message);
}
