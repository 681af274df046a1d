// Down to the runs: those under a composition, and one with its configuration and log.

function openDialog(heading, ...content) {
  const dialog = element('dialog');
  hideTooltip();
  const close = make('button', { type: 'button', class: 'close', onclick: () => dialog.close() }, 'Close');
  const title = make('h2', { id: 'dialog-heading', tabindex: '-1' }, heading);
  dialog.replaceChildren(make('div', { class: 'dialog-head' }, title, close), ...content);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus();
}

function picturesFor(composition, group) {
  const name = state.view.compositions[composition];
  const { picture } = pictureOf(group, name);
  return picture ? [make('div', { class: 'pictures' }, ...pairOfTiles(picture, name))] : [];
}

// The runs of some groups under a composition.
function openRuns(composition, groups) {
  const { view } = state;
  const rows = groups.flatMap((group) => group.series.map((series) => [group, series]));
  const tested = rows.filter(([, series]) => !Number.isNaN(accuracyOf(view, series, composition)));
  const body = tested.map(([group, series]) => {
    const open = () => openRun(series, composition, groups);
    const label = `${group.label}, seed ${view.series[series].seed}`;
    return make(
      'tr',
      {},
      make('th', { scope: 'row' }, make('button', { type: 'button', class: 'name', onclick: open }, swatch(group), ` ${label}`)),
      make('td', {}, shown(accuracyOf(view, series, composition), 2)),
      make('td', {}, shown(lossOf(view, series, composition), 4)),
    );
  });
  const head = ['Run', 'Accuracy (%)', 'Loss'].map((text) => make('th', { scope: 'col' }, text));
  const table = make('table', {}, make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...body));
  openDialog(view.compositions[composition], ...picturesFor(composition, groups.length === 1 ? groups[0] : null), table);
}

// The configuration's text; lines that not all runs of these data have are marked.
function configuration(text) {
  const { view } = state;
  if (!view.commonLines) {
    const runs = [...new Set(view.series.map((one) => one.run))];
    const sets = runs.map((run) => new Set(report.runs[run].config.split('\n')));
    view.commonLines = new Set([...sets[0]].filter((line) => sets.every((set) => set.has(line))));
  }
  return text.split('\n').map((line) => (view.commonLines.has(line) ? `${line}\n` : make('mark', {}, `${line}\n`)));
}

function openRun(series, composition, back = null) {
  const { view } = state;
  const one = view.series[series];
  const group = view.groups[one.group];
  const run = report.runs[one.run];
  const name = view.compositions[composition];
  const accuracy = shown(accuracyOf(view, series, composition), 2);
  const loss = shown(lossOf(view, series, composition), 4);
  const facts = make('dl', {});
  const fact = (term, ...value) => facts.append(make('div', {}, make('dt', {}, term), make('dd', {}, ...value)));
  fact('folder', make('a', { href: run.link.split('/').map(encodeURIComponent).join('/').replace(/^file%3A/, 'file:') }, run.name));
  if (view.bits) factsOfSeed(series, fact);
  else fact(name, `accuracy ${accuracy} %, loss ${loss}, ${one.n_images} images`);
  for (const [key, value] of Object.entries(run.status)) fact(key.replaceAll('_', ' '), `${value}`);
  const block = (title, content) => [
    make('h3', {}, title),
    make('pre', { tabindex: '0', role: 'region', 'aria-label': title }, ...content),
  ];
  const way = back ? [make('button', { type: 'button', onclick: () => openRuns(composition, back) }, '← Runs under this composition')] : [];
  openDialog(
    `${group.label}, seed ${one.seed}`,
    ...way,
    facts,
    ...picturesFor(composition, group),
    ...block('Configuration', run.config ? configuration(run.config) : ['config.yaml is missing']),
    ...(report.runs.length > 1 ? [make('p', { class: 'note' }, 'Marked: lines that not all runs of these data have.')] : []),
    ...block('End of the log', [run.log || 'run.log is missing or empty']),
  );
}
