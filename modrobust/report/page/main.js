// From the data to the page.

function redraw() {
  const { view } = state;
  const compositions = passing();
  const words = `${compositions.length} of ${view.compositions.length} compositions, ${state.groups.size} of ${view.groups.length} methods`;
  element('rows').textContent = words;
  element('methods-count').textContent = `(${state.groups.size} of ${view.groups.length})`;
  const runs = new Set(view.series.map((one) => one.run)).size;
  const images = [...new Set(view.series.map((one) => one.n_images))].join('/');
  element('lead').textContent =
    `${view.dataset}, split ${view.split}: ${runs} run${runs === 1 ? '' : 's'} of ${view.groups.length} ` +
    `method${view.groups.length === 1 ? '' : 's'}, ${view.compositions.length} compositions, ${images} images each.`;
  drawSummary(compositions);
  drawBoxes(compositions);
  drawHeat(compositions);
  drawTable(compositions);
  exampleShown = null;
  if (compositions.length) showExamples(byDifficulty(compositions).find((c) => view.parts[c].length > 1) ?? compositions[0]);
}

// Charts hold their colours and width; the rest follows by itself.
function redrawCharts() {
  drawBoxes(passing());
  drawHeat(passing());
}

function follow() {
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
  const views = report.views.map((view, i) => make('option', { value: i }, `${view.dataset} ${view.split}`));
  element('view').replaceChildren(...views);
  element('made').textContent = `Made by modrobust-report from ${report.runs.length} runs. Nothing is loaded from a network.`;
  element('page').hidden = false;
  choose(report.views[0]);
  listen(redraw);
  listenToBoxes();
  listenToHeat();
  redraw();
  follow();
  document.documentElement.dataset.ready = 'true';
}

start().catch((error) => {
  const why = typeof DecompressionStream === 'undefined' ? 'this browser is too old (Chromium 97, Firefox 113, Safari 16.4)' : error;
  element('lead').replaceChildren(make('span', { role: 'alert', class: 'failure' }, `The page could not be shown: ${why}`));
  throw error;
});
