import { ApiError, type ResourceType, type WatchEvent } from '../api-client.ts';
import { malformed, type Question, watchRefusal } from './client-errors.ts';
import { isRecord, toObject } from './client-objects.ts';

const NEWLINE = 0x0a;

/**
 * The events of a watch: one JSON document per line, in batches as their bytes arrive, an empty one for the empty first chunk.
 * What came before a fault is delivered before it.
 * @throws ApiError for a fault in the bytes, an end in the middle of a line, and what the server says in an ERROR event.
 */
export async function* watchEvents(
  chunks: AsyncIterable<Buffer>,
  type: ResourceType,
  question: Question,
): AsyncGenerator<readonly WatchEvent[]> {
  const lines = new Lines();
  for await (const chunk of chunks) {
    const batch: WatchEvent[] = [];
    let fault: unknown;
    try {
      for (const line of lines.push(chunk)) batch.push(toEvent(line, type, question));
    } catch (error) {
      fault = error;
    }
    if (batch.length > 0 || chunk.length === 0) yield batch;
    if (fault !== undefined) throw fault;
  }
  if (lines.hasPart) {
    const message = `cannot ${question.words}: ${question.server} ended the watch in the middle of an event`;
    throw new ApiError(message, { status: 0, reason: 'Unreachable' });
  }
}

function toEvent(line: Buffer, type: ResourceType, question: Question): WatchEvent {
  const value = parse(line, question);
  const { type: happening, object } = isRecord(value) ? value : {};
  if (happening === 'ERROR') throw watchRefusal(question, object);
  if (happening === 'BOOKMARK') {
    const metadata = isRecord(object) ? object['metadata'] : undefined;
    const resourceVersion = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
    if (typeof resourceVersion !== 'string') throw malformed(question, 'a bookmark without a resourceVersion');
    return { type: 'BOOKMARK', resourceVersion };
  }
  if (happening !== 'ADDED' && happening !== 'MODIFIED' && happening !== 'DELETED') {
    throw malformed(question, `a watch event of the unknown type ${JSON.stringify(happening)}`);
  }
  const complete = toObject(object, type);
  if (complete === undefined) throw malformed(question, 'a watch event without a proper object');
  return { type: happening, object: complete };
}

function parse(line: Buffer, question: Question): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw malformed(question, 'a watch event that is not JSON', error);
  }
}

/** Cuts bytes into lines. A line that comes in many chunks is put together once, and decoded only when it is whole. */
class Lines {
  #parts: Buffer[] = [];

  /** Whether the last line lacks its end. */
  get hasPart(): boolean {
    return this.#parts.length > 0;
  }

  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const tail = chunk.subarray(start, end);
      const line = this.#parts.length === 0 ? tail : Buffer.concat([...this.#parts, tail]);
      this.#parts = [];
      start = end + 1;
      if (line.length > 0) yield line;
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }
}
