const ZERO = 48;
const DOT = 46;
const SLASH = 47;

const scratch = Buffer.alloc('255.255.255.255/32'.length);

/**
 * Canonical text of an IPv4 prefix. Composed as bytes: joining strings would make a tree of pieces that each map key keeps
 * for good, 100k times.
 */
export function prefixText(bits: number, length: number): string {
  let at = decimal(0, bits >>> 24);
  for (const shift of [16, 8, 0]) {
    scratch[at++] = DOT;
    at = decimal(at, (bits >>> shift) & 255);
  }
  scratch[at++] = SLASH;
  return scratch.toString('latin1', 0, decimal(at, length));
}

function decimal(at: number, value: number): number {
  let next = at;
  if (value >= 100) scratch[next++] = ZERO + Math.trunc(value / 100);
  if (value >= 10) scratch[next++] = ZERO + (Math.trunc(value / 10) % 10);
  scratch[next++] = ZERO + (value % 10);
  return next;
}
