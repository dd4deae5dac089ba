import { dirname, resolve } from 'node:path';
import { CommandFailed } from '../../runtime/config.ts';
import { isRecord } from './client-objects.ts';
import type { Source } from './credentials-file.ts';

/** One map of a kubeconfig, with where it stands: its values are checked as they are read. Every method throws CommandFailed. */
export class Entry {
  readonly file: string;
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  /** `path`: `users[admin]`, for messages. */
  constructor(file: string, path: string, value: Readonly<Record<string, unknown>>) {
    this.file = file;
    this.#path = path;
    this.#value = value;
  }

  /** Undefined when it is absent, null or empty. */
  text(field: string): string | undefined {
    const value = this.#value[field];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') throw this.wrong(field, 'must be a text: put it in quotes');
    return value;
  }

  required(field: string): string {
    const text = this.text(field);
    if (text === undefined) throw this.wrong(field, 'is missing: write it');
    return text;
  }

  flag(field: string): boolean {
    const value = this.#value[field] ?? false;
    if (typeof value !== 'boolean') throw this.wrong(field, 'must be true or false');
    return value;
  }

  texts(field: string): readonly string[] {
    const value = this.#value[field] ?? [];
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw this.wrong(field, 'must be a list of texts');
    return value;
  }

  has(field: string): boolean {
    const value = this.#value[field];
    return value !== undefined && value !== null && value !== '';
  }

  entries(field: string): readonly Entry[] {
    const value = this.#value[field] ?? [];
    if (!Array.isArray(value) || !value.every(isRecord)) throw this.wrong(field, 'must be a list of maps');
    return value.map((item, i) => new Entry(this.file, `${this.#at(field)}[${i}]`, item));
  }

  /** An empty one when it is absent. `path`: a better name for it. */
  child(field: string, path = this.#at(field)): Entry {
    const value = this.#value[field] ?? {};
    if (!isRecord(value)) throw this.wrong(field, 'must be a map');
    return new Entry(this.file, path, value);
  }

  /** What stands in `<field>-data` in base64, which counts before the file that `<field>` names. */
  source(field: string): Source | undefined {
    const data = this.text(`${field}-data`);
    if (data !== undefined) return { text: this.#decoded(`${field}-data`, data) };
    const file = this.text(field);
    return file === undefined ? undefined : { file: this.path(file) };
  }

  /** Paths are relative to the file that they stand in. */
  path(file: string): string {
    return resolve(dirname(this.file), file);
  }

  /** `words`: what is wrong and what to do. */
  wrong(field: string, words: string): CommandFailed {
    return new CommandFailed(`${this.file}: ${this.#at(field)} ${words}`);
  }

  #decoded(field: string, data: string): string {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('-----BEGIN ')) throw this.wrong(field, 'is not PEM in base64: copy it again');
    return text;
  }

  #at(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`;
  }
}
