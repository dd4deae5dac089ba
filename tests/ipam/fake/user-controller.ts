import type { Call } from './call.ts';
import { No, type Result } from './wire.ts';

/** `/user/`: tokens. */
export function userController(call: Call): Result {
  const { method, app, id } = call;
  if (app.security === 'ssl_code' && method !== 'POST') throw new No(409, 'Authentication not needed');
  if (method === 'POST') return logIn(call);
  const token = tokenOf(call);
  if (token === undefined) throw new No(403, 'Please provide token');
  const state = call.database.tokenState(token);
  if (state === 'unknown') throw new No(403, 'Invalid token');
  if (state === 'expired') throw new No(403, 'Token expired');
  if (id === 'all' || id === 'admins') throw new No(503, 'Invalid app permissions');
  if (method === 'DELETE') {
    call.database.endToken(token);
    return { code: 200, data: ['Token removed'] };
  }
  return { code: 200, data: { expires: call.database.extend(token) } };
}

/** The header of the token; an underscore in its name gets lost on the way. */
export function tokenOf({ request }: Call): string | undefined {
  return request.headers['token'] ?? request.headers['phpipam-token'];
}

function logIn({ request, database }: Call): Result {
  const basic = /^Basic (.*)$/.exec(request.headers['authorization'] ?? '')?.[1];
  if (basic === undefined) throw new No(400, 'Please provide username and password');
  const [, name = '', password] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? [];
  const user = database.users.get(name);
  if (!user || (!user.disabled && user.password !== password)) {
    database.countFailure(request.from);
    throw new No(500, 'Invalid username or password');
  }
  if (user.disabled) throw new No(500, 'User account is disabled');
  database.forgetFailures(request.from);
  return { code: 200, data: database.logIn(name) };
}
