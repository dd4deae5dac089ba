// One GET; prints {"status", "body"} or {"error"} as JSON. Arguments: URL MILLISECONDS.
import { get } from 'node:http';

const [url = '', milliseconds] = process.argv.slice(2);
const signal = AbortSignal.timeout(Number(milliseconds));

const request = get(url, { agent: false, signal }, async (response) => {
  const chunks = await response.setEncoding('utf8').toArray();
  print({ status: response.statusCode, body: chunks.join('') });
});
request.on('error', (error) => print({ error: signal.aborted ? `no answer within ${milliseconds} ms` : error.message }));

function print(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
