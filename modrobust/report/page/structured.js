// Of structured data: epochs needed and routing found, accuracy by a setting, learning curves, all seeds.

const MOST_SEEDS = 500; // rows of the table: more take a browser seconds
const structured = { setting: '', curve: '', sort: { by: 'line', down: false } };

function numericSettings(view) {
  const keys = [...new Set(view.groups.flatMap((group) => Object.keys(group.settings)))];
  return keys.filter((key) => {
    const values = view.groups.map((group) => group.settings[key]).filter((value) => typeof value === 'number');
    return !key.endsWith('seed') && new Set(values).size > 1;
  });
}

function fillStructured() {
  const { view } = state;
  const fill = (id, choices, chosen) => {
    element(id).replaceChildren(...choices.map(([value, label]) => make('option', { value }, label)));
    element(id).value = chosen;
    return chosen;
  };
  const settings = numericSettings(view);
  structured.setting = fill('setting', settings.map((key) => [key, key]), settings[0] ?? '');
  const names = [...new Set(view.groups.flatMap((group) => Object.keys(group.curves)))].filter((name) => name !== 'epochs');
  const test = names.find((name) => name === `${view.test}_accuracy`) ?? names[0] ?? '';
  structured.curve = fill('curve', names.map((name) => [name, name.replaceAll('_', ' ')]), test);
  structured.sort = { by: 'line', down: false };
}

function drawStructured() {
  drawMeasures();
  drawLines();
  drawSeeds();
}

function drawMeasures() {
  const groups = shownGroups();
  const titles = [...new Set(groups.flatMap((group) => Object.keys(group.measures)))];
  const head = ['Line', 'n', ...titles].map((text) => make('th', { scope: 'col' }, text));
  const rows = groups.map((group) => {
    const cells = titles.map((title) => make('td', {}, group.measures[title] ?? '–'));
    return make('tr', {}, make('th', { scope: 'row' }, swatch(group), ` ${group.label}`), make('td', {}, `${group.seeds}`), ...cells);
  });
  element('measures').replaceChildren(
    make('caption', { class: 'unseen' }, 'Epochs needed and routing found'),
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...rows),
  );
}

// Both line charts.
function drawLines() {
  const settings = linesBySetting();
  element('against-section').hidden = !settings.length;
  if (settings.length) drawChart(element('against'), { lines: settings, x: structured.setting, y: 'test accuracy (%)', digits: 1, ...range(settings, true) });
  legendOf('against-legend', settings);
  const lines = linesOfCurves();
  element('curves-section').hidden = !lines.length;
  const percent = structured.curve.endsWith('_accuracy');
  const long = Math.max(...lines.map((line) => line.points.at(-1).x)) > 100;
  const y = structured.curve.replaceAll('_', ' ') + (percent ? ' (%)' : '');
  if (lines.length) drawChart(element('curves'), { lines, x: 'epoch', y, digits: percent ? 1 : 4, log: long, ...range(lines, percent) });
  legendOf('curves-legend', lines);
}

function legendOf(id, lines) {
  element(id).replaceChildren(...lines.map(({ group, label }) => make('li', {}, swatch(group), ` ${label}`)));
}

function range(lines, percent) {
  const ends = lines.flatMap((line) => line.points.flatMap(({ mean: y, half }) => [y - (half ?? 0), y + (half ?? 0)]));
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const more = 0.04 * (high - low || 1);
  return percent ? { low: Math.max(0, Math.floor(low - more)), high: Math.min(100, Math.ceil(high + more)) } : { low: Math.max(0, low - more), high: high + more };
}

// A line of which some value of the setting is shown is drawn with all of them.
function linesBySetting() {
  const { view } = state;
  const key = structured.setting;
  const test = view.compositions.indexOf(view.test);
  const lines = new Map();
  for (const group of test < 0 || !key ? [] : view.groups) {
    const { [key]: x, ...others } = group.settings;
    const { mean: y, interval, n } = group.means[test];
    if (typeof x !== 'number' || Number.isNaN(y)) continue;
    const label = Object.entries(others).map(([name, value]) => (name === 'model.name' ? value : `${name}=${value}`)).join(' ');
    if (!lines.has(label)) lines.set(label, { group, label, points: [], shown: false });
    if (state.groups.has(group.number)) lines.get(label).shown = true;
    lines.get(label).points.push({ x, mean: y, half: Number.isNaN(interval) ? null : interval, n });
  }
  lines.forEach((line) => line.points.sort((a, b) => a.x - b.x));
  return [...lines.values()].filter((line) => line.shown);
}

function linesOfCurves() {
  const having = shownGroups().filter((group) => group.curves[structured.curve]);
  const lines = having.map((group) => {
    const { mean: means, half } = group.curves[structured.curve];
    const points = group.curves.epochs.map((x, i) => ({ x, mean: means[i], half: half[i], n: group.seeds }));
    return { group, label: group.label, points: points.filter((point) => point.mean !== null) };
  });
  return lines.filter((line) => line.points.length);
}

const wordsOf = (name, value) => (Number.isNaN(value) ? (name.startsWith('epochs') ? 'never' : '–') : shown(value, name.startsWith('epochs') ? 0 : 1));

function factsOfSeed(series, fact) {
  const { view } = state;
  view.compositions.forEach((name, c) => {
    fact(name, `accuracy ${shown(accuracyOf(view, series, c), 2)} %, loss ${shown(lossOf(view, series, c), 4)}`);
  });
  view.measures.forEach((name, m) => fact(name, wordsOf(name, view.series[series].measures[m] ?? NaN)));
}

function seedColumns() {
  const { view } = state;
  const columns = view.compositions.map((name, c) => [name, (i) => accuracyOf(view, i, c), (value) => shown(value)]);
  view.measures.forEach((name, m) => {
    columns.push([name, (i) => view.series[i].measures[m] ?? NaN, (value) => wordsOf(name, value)]);
  });
  return columns;
}

function drawSeeds() {
  const { view } = state;
  const { sort } = structured;
  const columns = seedColumns();
  const seeds = view.series.map((_, i) => i).filter((i) => state.groups.has(view.series[i].group));
  const value = { line: (i) => view.series[i].group, seed: (i) => view.series[i].seed }[sort.by] ?? columns[sort.by][1];
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // never: last
    return (sort.down ? y - x : x - y) || view.series[a].seed - view.series[b].seed;
  };
  const sorted = seeds.sort(order);
  element('seeds-drawn').textContent = sorted.length > MOST_SEEDS ? `Of ${sorted.length} seeds the first ${MOST_SEEDS} in this order are listed.` : '';
  const head = [seedHead('line', 'Line'), seedHead('seed', 'Seed'), ...columns.map(([name], i) => seedHead(i, name))];
  const test = Math.max(0, view.compositions.indexOf(view.test));
  const rows = sorted.slice(0, MOST_SEEDS).map((i) => {
    const group = view.groups[view.series[i].group];
    const name = make('button', { type: 'button', class: 'name', onclick: () => openRun(i, test) }, swatch(group), ` ${group.label}`);
    const cells = columns.map(([, of, text]) => make('td', {}, text(of(i))));
    return make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, `${view.series[i].seed}`), ...cells);
  });
  element('seeds').replaceChildren(
    make('caption', { class: 'unseen' }, 'All seeds; columns can be sorted'),
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...rows),
  );
}

function seedHead(by, label) {
  const { sort } = structured;
  const active = sort.by === by;
  const press = () => {
    structured.sort = { by, down: active ? !sort.down : typeof by === 'number' };
    drawSeeds();
    element('seeds').querySelector(`[data-by="${by}"]`).focus();
    say([`sorted by ${label}, ${structured.sort.down ? 'descending' : 'ascending'}`]);
  };
  const arrow = make('span', { 'aria-hidden': 'true', class: 'arrow' }, active ? (sort.down ? '▼' : '▲') : '');
  const button = make('button', { type: 'button', 'data-by': by, onclick: press }, label, ' ', arrow);
  return make('th', { scope: 'col', 'aria-sort': active ? (sort.down ? 'descending' : 'ascending') : null }, button);
}

function listenToStructured() {
  for (const id of ['setting', 'curve']) {
    element(id).addEventListener('change', (event) => { structured[id] = event.target.value; drawLines(); });
  }
  listenToChart(element('against'));
  listenToChart(element('curves'));
}
