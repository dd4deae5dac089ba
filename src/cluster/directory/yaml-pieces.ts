/** A part of a YAML text. `line` is that of its first line in the whole, from 1. */
export interface Piece {
  readonly text: string;
  readonly line: number;
}

/**
 * The parts of a YAML text that can be understood one without the other: a line that begins with `---` ends whatever was open before
 * it, be it a quote or a bracket (YAML 1.2.2, 9.1.2: "forbidden" in any content), and anchors end with their document (3.2.2.2).
 * One piece when that is not certain: a directive (%TAG) belongs to the document after its `---`; and in a merge that was not
 * finished, documents of both sides stand one after the other.
 */
export function piecesOf(text: string): readonly Piece[] {
  if (/^%/m.test(text) || /^(?:<{7}|={7}|>{7})(?:\s|$)/m.test(text)) return [{ text, line: 1 }];
  const pieces: Piece[] = [];
  let line = 1;
  for (const part of text.split(/(?<![^\n])(?=---(?![^ \t\r\n]))/)) {
    pieces.push({ text: part, line });
    line += part.split('\n').length - 1;
  }
  return pieces;
}
