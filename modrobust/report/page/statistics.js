// Means, intervals, quartiles. NaN is what was not tested: it is left out.

function mean(values) {
  let sum = 0;
  let n = 0;
  for (const value of values) {
    if (!Number.isNaN(value)) {
      sum += value;
      n += 1;
    }
  }
  return n ? sum / n : NaN;
}

// A group under some compositions: the mean of each seed, then mean, 95 % t interval (NaN for one seed) and n of these.
function overSeeds(view, group, compositions) {
  const bySeed = new Map();
  for (const series of group.series) {
    const value = mean(compositions.map((c) => accuracyOf(view, series, c)));
    const { seed } = view.series[series];
    if (!Number.isNaN(value)) bySeed.set(seed, [...(bySeed.get(seed) ?? []), value]);
  }
  const values = [...bySeed.values()].map(mean);
  const n = values.length;
  const centre = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1);
  const interval = n > 1 ? report.quantiles[n - 2] * Math.sqrt(variance / n) : NaN;
  return { mean: centre, interval, n };
}

// Of sorted values, by linear interpolation.
function quantile(sorted, share) {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

// Quartiles, and the last values within 1.5 times the distance of the quartiles.
function box(sorted) {
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share));
  const reach = 1.5 * (q3 - q1);
  const low = sorted.find((value) => value >= q1 - reach);
  const high = sorted.findLast((value) => value <= q3 + reach);
  return { q1, median, q3, low, high };
}

const shown = (value, digits = 1) => (Number.isNaN(value) ? '–' : value.toFixed(digits));

function withInterval({ mean: centre, interval }) {
  return Number.isNaN(interval) ? shown(centre) : `${shown(centre)} ± ${shown(interval)}`;
}
