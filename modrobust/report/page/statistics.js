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

const FEWEST = 3; // seeds that an interval needs

// Mean, 95 % t interval (NaN for fewer than three) and n of some values.
function spread(values) {
  const n = values.length;
  const centre = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1);
  const interval = n < FEWEST ? NaN : report.quantiles[n - 2] * Math.sqrt(variance / n);
  return { mean: centre, interval, n, values };
}

// Of each seed of a group the mean over some compositions, where it has one.
function bySeed(view, group, compositions) {
  const all = new Map();
  for (const series of group.series) {
    const value = mean(compositions.map((c) => accuracyOf(view, series, c)));
    const { seed } = view.series[series];
    if (!Number.isNaN(value)) all.set(seed, [...(all.get(seed) ?? []), value]);
  }
  return new Map([...all].map(([seed, values]) => [seed, mean(values)]));
}

const overSeeds = (view, group, compositions) => spread([...bySeed(view, group, compositions).values()]);

// The groups that cannot be told from the best: a paired t test on the same compositions and seeds, at least three.
function best(view, groups, compositions) {
  const means = groups.map((group) => overSeeds(view, group, compositions).mean);
  const first = groups[means.indexOf(Math.max(...means.filter((value) => !Number.isNaN(value))))];
  if (!first || groups.length < 2) return new Set();
  const alike = (group) => {
    const both = compositions.filter((c) => first.means[c].n && group.means[c].n);
    const base = bySeed(view, first, both);
    const found = [...bySeed(view, group, both)].filter(([seed]) => base.has(seed));
    const { mean: less, interval } = spread(found.map(([seed, value]) => value - base.get(seed)));
    return less + interval >= 0; // not where there is no interval
  };
  return new Set(groups.filter(alike));
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

// Mean and interval; of two seeds both values.
function withInterval({ mean: centre, interval, values }) {
  if (values.length === 2) return [...values].sort((a, b) => a - b).map((value) => shown(value)).join(', ');
  return Number.isNaN(interval) ? shown(centre) : `${shown(centre)} ± ${shown(interval)}`;
}
