/** metav1.MicroTime: RFC 3339 with six decimals, no more and no fewer. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
