/** Figures of one measure, one per round. */
export type Samples = readonly number[];

/** The middle value; of an even number the mean of the two middle ones. @throws RangeError when there is none */
export function median(samples: Samples): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) throw new RangeError('no samples');
  return (low + high) / 2;
}

/** The value that a share of the samples does not exceed (nearest rank). @throws RangeError when there is none */
export function quantile(samples: Samples, share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

/** Turns a median absolute deviation into the standard deviation of a normal distribution (Rousseeuw and Croux, 1993). */
const MAD_TO_SIGMA = 1.4826;

/** How far a typical round lies from the median: a standard deviation that a single stray round cannot blow up. */
export function spread(samples: Samples): number {
  const middle = median(samples);
  return MAD_TO_SIGMA * median(samples.map((sample) => Math.abs(sample - middle)));
}
