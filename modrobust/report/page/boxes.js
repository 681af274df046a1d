// The box plot: a box for each number of corruptions and group, over its points (run and composition).

const PLOT = { height: 340, top: 12, bottom: 48, left: 44, right: 8, least: 12 };
const MOST_POINTS = 800; // drawn of a box, evenly by rank: more would only be one grey
let plot = null; // columns of boxes, with places

function columnsOfBoxes(compositions) {
  const { view } = state;
  const columns = [];
  for (const count of view.counts) {
    const some = compositions.filter((c) => view.count[c] === count);
    for (const group of some.length ? shownGroups() : []) {
      const all = [];
      for (const series of group.series) {
        for (const c of some) {
          const value = accuracyOf(view, series, c);
          if (!Number.isNaN(value)) all.push({ series, composition: c, value });
        }
      }
      if (!all.length) continue;
      all.sort((a, b) => a.value - b.value);
      const step = Math.max(1, all.length / MOST_POINTS);
      const points = Array.from({ length: Math.ceil(all.length / step) }, (_, i) => all[Math.floor(i * step)]);
      columns.push({ count, group, n: all.length, points, ...box(all.map((point) => point.value)) });
    }
  }
  return columns;
}

function place(columns, available) {
  const counts = [...new Set(columns.map((column) => column.count))];
  const gaps = counts.length * 0.8;
  const inner = available - PLOT.left - PLOT.right;
  const step = Math.max(PLOT.least, Math.min(46, inner / (columns.length + gaps)));
  const gap = Math.max(0.8 * step, (inner - columns.length * step) / Math.max(1, counts.length));
  let x = PLOT.left + gap / 2;
  columns.forEach((column, i) => {
    if (i && columns[i - 1].count !== column.count) x += gap;
    column.x = x + step / 2;
    column.half = 0.36 * step;
    column.points.forEach((point, k) => {
      const jitter = ((k * 0.618034) % 1) - 0.5; // even, and the same each time
      point.x = column.x + jitter * step * 0.72;
      point.y = heightOf(point.value);
    });
    x += step;
  });
  return Math.max(available, x + gap / 2 + PLOT.right);
}

const heightOf = (value) => PLOT.top + (1 - value / 100) * (PLOT.height - PLOT.top - PLOT.bottom);

function axes(width, columns) {
  const made = [];
  for (let value = 0; value <= 100; value += 20) {
    const y = heightOf(value);
    made.push(svg('line', { class: 'grid', x1: PLOT.left, x2: width - PLOT.right, y1: y, y2: y }));
    made.push(svg('text', { class: 'axis', x: PLOT.left - 8, y: y + 4, 'text-anchor': 'end' }, `${value}`));
  }
  for (const count of new Set(columns.map((column) => column.count))) {
    const some = columns.filter((column) => column.count === count);
    const x = (some[0].x + some.at(-1).x) / 2;
    made.push(svg('text', { class: 'axis', x, y: PLOT.height - 16, 'text-anchor': 'middle' }, state.view.countName(count)));
  }
  for (const { x, group } of columns) {
    const at = { class: 'axis letter', x, y: heightOf(0) + 12, 'text-anchor': 'middle' };
    made.push(svg('text', at, letter(group)));
  }
  const title = { class: 'axis', x: width / 2, y: PLOT.height - 2, 'text-anchor': 'middle' };
  made.push(svg('text', title, state.view.bits ? 'split' : 'number of corruptions'));
  const up = { class: 'axis', transform: `translate(11 ${PLOT.height / 2}) rotate(-90)`, 'text-anchor': 'middle' };
  made.push(svg('text', up, 'accuracy (%)'));
  if (state.view.chance !== null) {
    const y = heightOf(state.view.chance);
    made.push(svg('line', { class: 'chance', x1: PLOT.left, x2: width - PLOT.right, y1: y, y2: y }));
    const at = { class: 'axis', x: PLOT.left + 3, y: y - 4 };
    made.push(svg('text', at, `chance, ${shown(state.view.chance)} %`));
  }
  return made;
}

function drawnBox({ x, half, q1, median, q3, low, high, group }) {
  const [yl, y1, ym, y3, yh] = [low, q1, median, q3, high].map(heightOf);
  const line = (x1, y1_, x2, y2_, of = 'whisker') => svg('line', { class: of, x1, y1: y1_, x2, y2: y2_ });
  const body = svg('rect', { class: 'box', x: x - half, width: 2 * half, y: y3, height: Math.max(1, y1 - y3) });
  const made = svg('g', {}, line(x, yh, x, y3), line(x, y1, x, yl), body, line(x - half, ym, x + half, ym, 'median'));
  made.style.color = `var(--group${group.number % COLOURS})`;
  return made;
}

function drawBoxes(compositions) {
  const host = element('boxes');
  const columns = columnsOfBoxes(compositions);
  const width = place(columns, widthFor(host));
  const [points, pen] = canvas(width, PLOT.height);
  for (const column of columns) {
    pen.fillStyle = colourOf(column.group);
    pen.globalAlpha = 0.55;
    for (const { x, y } of column.points) pen.fillRect(x - 1.25, y - 1.25, 2.5, 2.5);
  }
  const cursor = svg('circle', { class: 'cursor', r: 6, visibility: 'hidden' });
  const marks = [...axes(width, columns), ...columns.map(drawnBox), cursor];
  const drawing = svg('svg', { width, height: PLOT.height, viewBox: `0 0 ${width} ${PLOT.height}`, 'aria-hidden': 'true' }, ...marks);
  const sheet = make('div', { class: 'sheet' }, points, drawing);
  sheet.style.width = `${width}px`;
  host.replaceChildren(sheet);
  plot = { columns, cursor, at: 0, point: null };
  const all = columns.reduce((sum, column) => sum + column.n, 0);
  const drawn = columns.reduce((sum, column) => sum + column.points.length, 0);
  element('boxes-drawn').textContent = drawn < all ? `Of ${all} points ${drawn} are drawn.` : '';
  element('legend').replaceChildren(...shownGroups().map((group) => make('li', {}, swatch(group), ` ${group.label}`)));
}

function wordsOfBox({ group, count, n, q1, median, q3, low, high }) {
  const corruptions = state.view.bits ? state.view.countName(count) : `${count} corruption${count === 1 ? '' : 's'}`;
  const range = `quartiles ${shown(q1)} to ${shown(q3)}, whiskers ${shown(low)} to ${shown(high)}`;
  return [`${group.label}, ${corruptions}`, `median ${shown(median)} %`, range, `${n} points`];
}

function wordsOfPoint({ group }, { series, composition, value }) {
  const { view } = state;
  const { seed } = view.series[series];
  const loss = `loss ${shown(lossOf(view, series, composition), 3)}`;
  return [view.compositions[composition], `${group.label}, seed ${seed}`, `${shown(value, 2)} %, ${loss}`];
}

// Point at a column, and at one of its points where there is one.
function pointAt(column, point, spoken) {
  const host = element('boxes');
  const [x, y] = point ? [point.x, point.y] : [column.x, heightOf(column.median)];
  plot.cursor.setAttribute('cx', x);
  plot.cursor.setAttribute('cy', y);
  plot.cursor.setAttribute('visibility', 'visible');
  const words = point ? wordsOfPoint(column, point) : wordsOfBox(column);
  tooltipAt(host, words, x, y);
  if (point) showExamples(point.composition, column.group);
  if (spoken) {
    say(words);
    host.scrollLeft = Math.min(host.scrollLeft, x - 60);
    host.scrollLeft = Math.max(host.scrollLeft, x + 60 - host.clientWidth);
  }
}

function leaveBoxes() {
  hideTooltip();
  plot?.cursor.setAttribute('visibility', 'hidden');
}

function nearest([x, y]) {
  const near = plot.columns.filter((column) => Math.abs(column.x - x) <= column.half / 0.72 + 3);
  let [best, reach, of] = [null, 64, null];
  for (const column of near) {
    for (const point of column.points) {
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (distance < reach) [best, reach, of] = [point, distance, column];
    }
  }
  return [of ?? near[0], best];
}

function listenToBoxes() {
  const host = element('boxes');
  host.addEventListener('pointermove', (event) => {
    const [column, point] = nearest(within(host, event));
    host.style.cursor = point ? 'pointer' : '';
    if (column) pointAt(column, point, false);
    else leaveBoxes();
  });
  host.addEventListener('pointerleave', leaveBoxes);
  host.addEventListener('blur', leaveBoxes);
  host.addEventListener('click', (event) => {
    const [, point] = nearest(within(host, event));
    if (point) openRun(point.series, point.composition);
  });
  host.addEventListener('focus', () => {
    if (host.matches(':focus-visible') && plot.columns.length) step('Home');
  });
  const step = (key) => {
    const { columns } = plot;
    const last = columns.length - 1;
    const moves = { ArrowRight: plot.at + 1, ArrowLeft: plot.at - 1, Home: 0, End: last };
    if (key in moves) {
      plot.at = Math.max(0, Math.min(last, moves[key]));
      plot.point = null;
    } else {
      const { points } = columns[plot.at];
      const middle = Math.floor(points.length / 2);
      const next = plot.point === null ? middle : plot.point + (key === 'ArrowUp' ? 1 : -1);
      plot.point = Math.max(0, Math.min(points.length - 1, next));
    }
    const column = columns[plot.at];
    pointAt(column, plot.point === null ? null : column.points[plot.point], true);
  };
  host.addEventListener('keydown', (event) => {
    if (!plot.columns.length) return;
    if (['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'Home', 'End'].includes(event.key)) {
      event.preventDefault();
      step(event.key);
    } else if (event.key === 'Escape') {
      leaveBoxes();
    } else if (event.key === 'Enter') {
      const { points } = plot.columns[plot.at];
      const point = points[plot.point ?? Math.floor(points.length / 2)];
      openRun(point.series, point.composition);
    }
  });
}
