import { setImmediate } from 'node:timers/promises';
import type { Node } from 'yaml';
import { type RawDocument, Unreadable } from './document.ts';

/** References to anchors that one document may hold, weighted by what they expand to: an "alias bomb" ends here. */
const MAX_ALIASES = 100;

/**
 * The documents of a YAML 1.2 text; `<<` merges, and duplicate keys are an error. Empty documents are left out.
 * Between documents other work gets its turn: parsing takes about 1.5 s per MiB.
 * `firstLine` is the number of the text's first line in its file. A value may contain itself, by an alias to what it stands in.
 * @throws Unreadable with the line of the first error; RangeError when the nesting exhausts the stack.
 */
export async function readYaml(text: string, firstLine: number = 1): Promise<readonly RawDocument[]> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const documents: RawDocument[] = [];
  const lineAt = (offset: number): number => firstLine - 1 + lines.linePos(offset).line;
  // The library compares every key with every other one (72 s for 40 000 keys), so keys are checked below.
  const composer = new yaml.Composer({ uniqueKeys: false, merge: true, logLevel: 'error', lineCounter: lines });
  for (const document of composer.compose(new yaml.Parser(lines.addNewLine).parse(text))) {
    const error = document.errors[0];
    // The library passes an exhausted stack off as a syntax error.
    if (error?.message.includes('call stack')) throw new RangeError(error.message);
    if (error !== undefined) throw new Unreadable(`is not valid YAML (${factOf(error)}): correct it`, lineAt(error.pos[0]));
    if (document.contents === null) continue;
    const offset = document.contents.range[0];
    refuseDuplicateKeys(yaml, document.contents, lineAt);
    const value: unknown = toValue(document, lineAt(offset));
    if (value !== null) documents.push({ line: lineAt(offset), value });
    await setImmediate();
  }
  return documents;
}

function toValue(document: { toJS(options: { readonly maxAliasCount: number }): unknown }, line: number): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (words.includes('alias count')) throw new Unreadable(`uses more than ${MAX_ALIASES} aliases: write the values out`, line);
    throw new Unreadable('has an alias (*name) without an anchor (&name) before it: write the value out', line);
  }
}

function refuseDuplicateKeys(yaml: typeof import('yaml'), root: Node, lineAt: (offset: number) => number): void {
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (yaml.isMap(node)) {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        if (yaml.isScalar(key)) {
          const name = String(key.value);
          if (seen.has(name) && name !== '<<') {
            throw new Unreadable(`is not valid YAML (the key "${name}" stands twice in one map): delete one`, lineAt(key.range?.[0] ?? 0));
          }
          seen.add(name);
        }
        if (yaml.isCollection(value)) open.push(value);
      }
    } else if (yaml.isCollection(node)) {
      for (const item of node.items) if (yaml.isCollection(item)) open.push(item);
    }
  }
}

/** Without the text around the error: the file may be no manifest but a secret that a link leads to. */
function factOf({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'TAG_RESOLVE_FAILED') return 'A tag (!name) that is not known';
  if (code === 'BAD_DIRECTIVE') return 'A directive (%NAME) that is not known';
  return message.replace(/: .*$/s, '').replace(/\s+/g, ' ');
}
