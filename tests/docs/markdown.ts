import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block. `file`: the path that a comment on the line before it names. `after`: the block before it, when only blank lines are between. */
export interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly file?: string;
  readonly after?: Block;
}

/** Every Markdown page that git knows or would add. */
export function pages(): Page[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' });
  return listed
    .split('\n')
    .filter((path) => path !== '')
    .map(page);
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), 'utf8') };
}

/** Every fenced block of a text, in order. */
export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let end = 0;
  for (const match of text.matchAll(/^(?:<!-- (\S+) -->\n)?```(\w*)\n(.*?)^```$/gms)) {
    const [whole, file, language = '', body = ''] = match;
    const previous = found.at(-1);
    const adjacent = previous !== undefined && text.slice(end, match.index).trim() === '';
    end = match.index + whole.length;
    const line = text.slice(0, match.index).split('\n').length;
    found.push({ line, language, text: body, ...(file === undefined ? {} : { file }), ...(adjacent ? { after: previous } : {}) });
  }
  return found;
}

/** The part of a page under one heading, up to the next of the same or a higher level. @throws Error when there is none */
export function section(text: string, heading: string): string {
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const level = heading.indexOf(' ');
  const rest = text.slice(start + heading.length + 2);
  const next = new RegExp(`^#{1,${level}} `, 'm').exec(withoutBlocks(rest));
  return next ? rest.slice(0, next.index) : rest;
}

/** The same length, with the text of fenced blocks and inline code blanked: comments of a shell are no headings. */
export function withoutBlocks(text: string): string {
  const blank = (part: string): string => part.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(/^```\w*\n.*?^```$/gms, blank).replaceAll(/`[^`\n]+`/g, blank);
}

/** GitHub's anchor of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

/** Every anchor of a page. */
export function anchors(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```\w*\n.*?^```$/gms, '').matchAll(/^#{1,6} (.+)$/gm)];
  return new Set(headings.map(([, heading = '']) => anchorOf(heading)));
}
