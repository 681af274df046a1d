// The heat map: groups down, compositions across.

const HEAT = { row: 24, top: 22, least: 4, legend: 40 };
// viridis, 0 to 100 %, as in the figures
const SCALE = [
  [68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140],
  [40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37],
];
let heat = null;

function heatColour(value) {
  const at = Math.min(0.9999, Math.max(0, value / 100)) * (SCALE.length - 1);
  const low = Math.floor(at);
  const mixed = SCALE[low].map((part, i) => Math.round(part + (at - low) * (SCALE[low + 1][i] - part)));
  return `rgb(${mixed.join(' ')})`;
}

function drawHeat(compositions) {
  const host = element('heat');
  const available = widthFor(host);
  const groups = shownGroups();
  const order = byDifficulty(compositions);
  const [, ruler] = canvas(1, 1);
  const font = `13px ${getComputedStyle(document.body).fontFamily}`;
  ruler.font = font;
  const longest = Math.max(0, ...groups.map((group) => ruler.measureText(group.label).width));
  const left = Math.min(longest + 12, 260, Math.max(90, available * 0.4));
  const cell = Math.max(HEAT.least, Math.min(state.view.bits ? 110 : 60, (available - left - 2) / Math.max(1, order.length)));
  const width = Math.max(available, left + cell * order.length + 2);
  const height = HEAT.top + HEAT.row * groups.length + HEAT.legend;
  const [drawn, pen] = canvas(width, height);
  pen.font = font;
  pen.textBaseline = 'middle';
  pen.fillStyle = ink('ink');
  groups.forEach((group, row) => pen.fillText(fitting(pen, group.label, left - 10), 0, HEAT.top + HEAT.row * (row + 0.5)));
  order.forEach((c, column) => {
    groups.forEach((group, row) => {
      const value = group.means[c].mean;
      pen.fillStyle = Number.isNaN(value) ? ink('line') : heatColour(value);
      pen.fillRect(left + cell * column, HEAT.top + HEAT.row * row, cell + 0.3, HEAT.row - 1);
    });
  });
  heat = { order, groups, left, cell, at: [0, 0], mark: make('div', { class: 'mark', hidden: '' }) };
  drawCounts(pen);
  drawScale(pen, left, HEAT.top + HEAT.row * groups.length + 12);
  const sheet = make('div', { class: 'sheet' }, drawn, heat.mark);
  sheet.style.width = `${width}px`;
  host.replaceChildren(sheet);
}

function fitting(pen, text, width) {
  let fit = text;
  while (fit.length > 1 && pen.measureText(`${fit}…`).width > width && pen.measureText(text).width > width) fit = fit.slice(0, -1);
  return fit === text ? text : `${fit}…`;
}

function drawCounts(pen) {
  const { order, left, cell, groups } = heat;
  pen.textAlign = 'center';
  for (const count of state.view.counts) {
    const columns = order.map((c, i) => [state.view.count[c], i]).filter(([n]) => n === count).map(([, i]) => i);
    if (!columns.length) continue;
    const [first, last] = [columns[0], columns.at(-1)];
    pen.fillStyle = ink('ink');
    pen.fillText(state.view.countName(count), left + (cell * (first + last + 1)) / 2, 10);
    pen.fillStyle = ink('paper');
    if (first) pen.fillRect(left + cell * first - 1, HEAT.top - 6, 2, HEAT.row * groups.length + 6);
  }
}

function drawScale(pen, left, top) {
  const width = 180;
  for (let x = 0; x < width; x += 1) {
    pen.fillStyle = heatColour((100 * x) / width);
    pen.fillRect(left + x, top, 1.3, 10);
  }
  pen.fillStyle = ink('ink');
  pen.textAlign = 'left';
  pen.fillText('0 %', left, top + 20);
  pen.textAlign = 'right';
  pen.fillText('100 %', left + width, top + 20);
}

function heatCell([x, y]) {
  const column = Math.floor((x - heat.left) / heat.cell);
  const row = Math.floor((y - HEAT.top) / HEAT.row);
  return heat.order[column] === undefined || !heat.groups[row] ? null : [column, row];
}

function markCell([column, row], spoken) {
  const host = element('heat');
  const [composition, group] = [heat.order[column], heat.groups[row]];
  const [x, y] = [heat.left + heat.cell * column, HEAT.top + HEAT.row * row];
  Object.assign(heat.mark.style, { left: `${x}px`, top: `${y}px`, width: `${heat.cell}px`, height: `${HEAT.row - 1}px` });
  heat.mark.hidden = false;
  const of = group.means[composition];
  const words = [state.view.compositions[composition], group.label, `${withInterval(of)} % (n = ${of.n})`];
  tooltipAt(host, words, x + heat.cell / 2, y + HEAT.row / 2);
  showExamples(composition, group);
  if (spoken) {
    say(words);
    host.scrollLeft = Math.min(host.scrollLeft, x - heat.left);
    host.scrollLeft = Math.max(host.scrollLeft, x + 60 - host.clientWidth);
  }
}

function leaveHeat() {
  hideTooltip();
  if (heat) heat.mark.hidden = true;
}

function listenToHeat() {
  const host = element('heat');
  const open = ([column, row]) => openRuns(heat.order[column], [heat.groups[row]]);
  const empty = () => !heat.order.length || !heat.groups.length;
  host.addEventListener('pointermove', (event) => {
    const cell = heatCell(within(host, event));
    host.style.cursor = cell ? 'pointer' : '';
    if (cell) markCell(cell, false);
    else leaveHeat();
  });
  host.addEventListener('pointerleave', leaveHeat);
  host.addEventListener('blur', leaveHeat);
  host.addEventListener('focus', () => {
    if (host.matches(':focus-visible') && !empty()) markCell(heat.at, true);
  });
  host.addEventListener('click', (event) => {
    const cell = heatCell(within(host, event));
    if (cell) open(cell);
  });
  host.addEventListener('keydown', (event) => {
    if (empty()) return;
    const [column, row] = heat.at;
    const moves = {
      ArrowRight: [column + 1, row],
      ArrowLeft: [column - 1, row],
      ArrowUp: [column, row - 1],
      ArrowDown: [column, row + 1],
      Home: [0, row],
      End: [heat.order.length - 1, row],
    };
    if (event.key in moves) {
      event.preventDefault();
      const sizes = [heat.order.length, heat.groups.length];
      heat.at = moves[event.key].map((place_, i) => Math.max(0, Math.min(sizes[i] - 1, place_)));
      markCell(heat.at, true);
    } else if (event.key === 'Enter') {
      open(heat.at);
    } else if (event.key === 'Escape') {
      leaveHeat();
    }
  });
}
