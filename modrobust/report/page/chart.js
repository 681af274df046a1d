// A chart of lines with intervals, by pointer and by keyboard.

const LINES = { height: 300, top: 12, bottom: 44, left: 52, right: 14 };
const charts = new Map(); // by the element it is in

// spec: lines (group, label, points: x, mean, half), x and y (titles), log (whether x is logarithmic), low and high (of y).
function drawChart(host, spec) {
  const width = Math.max(widthFor(host), 280);
  const xs = spec.lines.flatMap((line) => line.points.map((point) => point.x));
  const scale = (value) => (spec.log ? Math.log10(value) : value);
  const [first, last] = [scale(Math.min(...xs)), scale(Math.max(...xs))];
  const inner = [LINES.left, width - LINES.right, LINES.top, LINES.height - LINES.bottom];
  const at = (value) => inner[0] + ((scale(value) - first) / (last - first || 1)) * (inner[1] - inner[0]);
  const up = (value) => {
    const share = (value - spec.low) / (spec.high - spec.low || 1);
    return inner[3] - Math.max(0, Math.min(1, share)) * (inner[3] - inner[2]);
  };
  const cursor = svg('circle', { class: 'cursor', r: 6, visibility: 'hidden' });
  const marks = [...chartAxes(spec, inner, at, up), ...spec.lines.map((line) => drawnLine(line, at, up)), cursor];
  const drawing = svg('svg', { width, height: LINES.height, viewBox: `0 0 ${width} ${LINES.height}`, 'aria-hidden': 'true' }, ...marks);
  const sheet = make('div', { class: 'sheet lines' }, drawing);
  Object.assign(sheet.style, { width: `${width}px`, height: `${LINES.height}px` });
  host.replaceChildren(sheet);
  charts.set(host, { ...spec, at, up, cursor, line: 0, point: 0 });
}

function ticks(low, high) {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(Number((k * step).toPrecision(6)));
  return found;
}

function chartAxes(spec, [left, right, top, bottom], at, up) {
  const made = [];
  for (const value of ticks(spec.low, spec.high)) {
    made.push(svg('line', { class: 'grid', x1: left, x2: right, y1: up(value), y2: up(value) }));
    made.push(svg('text', { class: 'axis', x: left - 8, y: up(value) + 4, 'text-anchor': 'end' }, `${value}`));
  }
  const xs = spec.lines.flatMap((line) => line.points.map((point) => point.x));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const powers = [1, 10, 100, 1000, 10000, 100000, 1000000].filter((value) => value >= low && value <= high);
  const places = spec.log && powers.length > 1 ? powers : [...new Set(xs)].length <= 8 ? [...new Set(xs)] : ticks(low, high);
  for (const value of places) {
    made.push(svg('text', { class: 'axis', x: at(value), y: bottom + 18, 'text-anchor': 'middle' }, `${value}`));
  }
  made.push(svg('text', { class: 'axis', x: (left + right) / 2, y: bottom + 36, 'text-anchor': 'middle' }, spec.x));
  const turned = `translate(12 ${(top + bottom) / 2}) rotate(-90)`;
  made.push(svg('text', { class: 'axis', transform: turned, 'text-anchor': 'middle' }, spec.y));
  return made;
}

function drawnLine({ group, points }, at, up) {
  const having = points.filter(({ half }) => half !== null);
  const place = (x, y) => `${at(x).toFixed(1)},${up(y).toFixed(1)}`;
  const over = having.map(({ x, mean: y, half }) => place(x, y + half));
  const under = having.map(({ x, mean: y, half }) => place(x, y - half)).reverse();
  const line = points.map(({ x, mean: y }) => place(x, y)).join(' ');
  const made = svg('g', {}, svg('polygon', { class: 'band', points: [...over, ...under].join(' ') }), svg('polyline', { class: 'curve', points: line }));
  if (points.length <= 12) made.append(...points.map(({ x, mean: y }) => svg('circle', { class: 'dot', cx: at(x), cy: up(y), r: 3 })));
  const last = points.at(-1);
  made.append(svg('text', { class: 'letter end', x: at(last.x) + 3, y: up(last.mean) + 3 }, letter(group)));
  made.style.color = `var(--group${group.number % COLOURS})`;
  return made;
}

function pointAtLine(host, spoken) {
  const chart = charts.get(host);
  const { label, points } = chart.lines[chart.line];
  chart.point = Math.max(0, Math.min(points.length - 1, chart.point));
  const { x, mean: y, half, n } = points[chart.point];
  chart.cursor.setAttribute('cx', chart.at(x));
  chart.cursor.setAttribute('cy', chart.up(y));
  chart.cursor.setAttribute('visibility', 'visible');
  const interval = half === null ? '' : ` ± ${shown(half, chart.digits)}`;
  const words = [label, `${chart.x} ${x}: ${shown(y, chart.digits)}${interval}`, ...(n ? [`n = ${n}`] : [])];
  tooltipAt(host, words, chart.at(x), chart.up(y));
  if (spoken) say(words);
}

function leaveLines(host) {
  hideTooltip();
  charts.get(host)?.cursor.setAttribute('visibility', 'hidden');
}

function listenToChart(host) {
  host.addEventListener('pointermove', (event) => {
    const chart = charts.get(host);
    if (!chart?.lines.length) return;
    const [x, y] = within(host, event);
    let reach = Infinity;
    chart.lines.forEach((line, i) => line.points.forEach((point, k) => {
      const distance = (chart.at(point.x) - x) ** 2 + (chart.up(point.mean) - y) ** 2;
      if (distance < reach) [reach, chart.line, chart.point] = [distance, i, k];
    }));
    if (reach < 1600) pointAtLine(host, false);
    else leaveLines(host);
  });
  host.addEventListener('pointerleave', () => leaveLines(host));
  host.addEventListener('blur', () => leaveLines(host));
  host.addEventListener('focus', () => { if (host.matches(':focus-visible') && charts.get(host)?.lines.length) pointAtLine(host, true); });
  host.addEventListener('keydown', (event) => {
    const chart = charts.get(host);
    if (!chart?.lines.length) return;
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -1e9], End: [0, 1e9] };
    if (event.key in moves) {
      event.preventDefault();
      const [lines, points] = moves[event.key];
      chart.line = Math.max(0, Math.min(chart.lines.length - 1, chart.line + lines));
      chart.point += points;
      pointAtLine(host, true);
    } else if (event.key === 'Escape') {
      leaveLines(host);
    }
  });
}
