// From the data to the page.

function redraw() {
  const { view } = state;
  const compositions = passing();
  const lines = `${state.groups.size} of ${view.groups.length} ${view.bits ? 'lines' : 'methods'}`;
  const words = view.bits ? lines : `${compositions.length} of ${view.compositions.length} compositions, ${lines}`;
  element('rows').textContent = words;
  element('methods-count').textContent = `(${state.groups.size} of ${view.groups.length})`;
  const title = view.bits ? 'Modular structure' : 'Robustness to compositions of corruptions';
  document.title = title;
  element('title').textContent = title;
  document.querySelectorAll('[data-of]').forEach((part) => { part.hidden = part.dataset.of !== view.kind; });
  const runs = new Set(view.series.map((one) => one.run)).size;
  const images = [...new Set(view.series.map((one) => one.n_images))].join('/');
  const counted = (n, name) => `${n} ${name}${n === 1 ? '' : 's'}`;
  element('lead').textContent = view.bits
    ? `${view.dataset}: ${counted(runs, 'run')} with ${counted(view.series.length, 'seed')} in ${counted(view.groups.length, 'line')}.`
    : `${view.dataset}, split ${view.split}: ${counted(runs, 'run')} of ${counted(view.groups.length, 'method')}, ` +
      `${view.compositions.length} compositions, ${images} images each.`;
  drawSummary(compositions);
  drawBoxes(compositions);
  drawHeat(compositions);
  if (view.bits) {
    drawStructured();
    return;
  }
  drawTable(compositions);
  exampleShown = null;
  if (compositions.length) showExamples(byDifficulty(compositions).find((c) => view.count[c] > 1) ?? compositions[0]);
}

// Charts hold their colours and width; the rest follows by itself.
function redrawCharts() {
  drawBoxes(passing());
  drawHeat(passing());
  if (state.view.bits) drawLines();
}

// On paper charts are as wide as it, and light.
function print(begins) {
  const { dataset } = document.documentElement;
  if (begins) Object.assign(dataset, { screen: dataset.theme ?? '', theme: 'light' });
  else dataset.theme = dataset.screen;
  printing = begins;
  redrawCharts();
}

// What is wider than its place says so: many devices hide scrollbars.
function hints() {
  for (const host of document.querySelectorAll('.scroll, .chart')) {
    const hint = make('p', { class: 'hint', 'aria-hidden': 'true', hidden: '' }, 'Wider than the screen: scroll sideways ↔');
    host.before(hint);
    const look = () => { hint.hidden = host.scrollWidth <= host.clientWidth + 1; };
    new ResizeObserver(look).observe(host);
    new MutationObserver(look).observe(host, { childList: true, subtree: true });
  }
}

function follow() {
  hints();
  window.addEventListener('beforeprint', () => print(true));
  window.addEventListener('afterprint', () => print(false));
  element('theme').addEventListener('change', (event) => {
    document.documentElement.dataset.theme = event.target.value;
    redrawCharts();
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawCharts);
  const bar = element('filters');
  const measure = () => document.documentElement.style.setProperty('--bar', `${bar.offsetHeight}px`);
  new ResizeObserver(measure).observe(bar); // what scrolls into view must not lie under it
  let width = element('boxes').clientWidth;
  new ResizeObserver(() => {
    if (element('boxes').clientWidth === width) return;
    width = element('boxes').clientWidth;
    redrawCharts();
  }).observe(element('boxes'));
}

async function start() {
  await load();
  const views = report.views.map((view, i) => make('option', { value: i }, `${view.dataset} ${view.split}`.trimEnd()));
  element('view').replaceChildren(...views);
  element('made').textContent = `Made by modrobust-report${report.version ? ` ${report.version}` : ''} from ${report.runs.length} runs. Nothing is loaded from a network.`;
  element('page').hidden = false;
  choose(report.views[0]);
  listen(redraw);
  listenToBoxes();
  listenToHeat();
  listenToStructured();
  redraw();
  follow();
  document.documentElement.dataset.ready = 'true';
}

start().catch((error) => {
  const why = typeof DecompressionStream === 'undefined' ? 'this browser is too old (Chromium 97, Firefox 113, Safari 16.4)' : error;
  element('lead').replaceChildren(make('span', { role: 'alert', class: 'failure' }, `The page could not be shown: ${why}`));
  throw error;
});
