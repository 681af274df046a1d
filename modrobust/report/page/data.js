// What the page holds, unpacked: `report`, and of each view (a dataset's split) its accuracies and losses.

let report = null;

async function unpack(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

async function load() {
  const [content, accuracies, losses] = await Promise.all(['content', 'accuracies', 'losses'].map(unpack));
  report = JSON.parse(new TextDecoder().decode(content));
  let start = 0;
  for (const view of report.views) {
    const size = view.series.length * view.compositions.length;
    view.accuracy = new Float32Array(accuracies, 4 * start, size);
    view.loss = new Int32Array(losses, 4 * start, size);
    start += size;
    prepare(view);
  }
}

// Names of corruptions, labels of groups, and each group's mean over seeds under each composition.
function prepare(view) {
  view.bits = view.kind === 'bits'; // of these, compositions are splits, each in a column of its own
  view.parts = view.compositions.map((name) => (view.bits || name === 'Identity' ? [] : name.split('-')));
  view.count = view.counts;
  view.counts = [...new Set(view.count)].sort((a, b) => a - b);
  view.countName = (count) => (view.bits ? view.compositions[count] : `${count}`);
  view.corruptions = [...new Set(view.parts.flat())].sort();
  const models = new Set(view.groups.map((group) => group.model));
  view.groups.forEach((group, i) => {
    group.series = [];
    group.number = i;
    if (view.bits) return; // labelled already
    const model = models.size > 1 ? ` (${group.model})` : '';
    const variant = group.variant === 'default' ? '' : `, ${group.variant}`;
    group.label = `${group.method}${variant}${model} ${group.settings}`.trimEnd();
  });
  view.series.forEach((one, i) => view.groups[one.group].series.push(i));
  for (const group of view.groups) {
    group.seeds = new Set(group.series.map((i) => view.series[i].seed)).size;
    group.examples = group.series.map((i) => report.runs[view.series[i].run].examples).find((e) => e !== null);
    group.means = view.compositions.map((_, c) => overSeeds(view, group, [c]));
  }
  view.difficulty = view.compositions.map((_, c) => mean(view.groups.map((group) => group.means[c].mean)));
}

const accuracyOf = (view, series, composition) => view.accuracy[series * view.compositions.length + composition];

function lossOf(view, series, composition) {
  const loss = view.loss[series * view.compositions.length + composition];
  return loss < 0 ? NaN : loss * report.lossUnit;
}
