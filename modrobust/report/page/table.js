// The table of compositions: sorted by a button in each column's head.

function sortedCompositions(compositions) {
  const { view, sort } = state;
  const value = {
    name: (c) => view.compositions[c],
    count: (c) => view.count[c],
  }[sort.by] ?? ((c) => view.groups[sort.by].means[c].mean);
  const sign = sort.down ? -1 : 1;
  const order = (a, b) => {
    if (typeof a === 'string') return sign * a.localeCompare(b);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // not tested: last
    return sign * (a - b);
  };
  return byDifficulty(compositions).sort((a, b) => order(value(a), value(b)));
}

// Names of methods and compositions are long and have no spaces.
const breakable = (label) => label.split(/(?<=[_-])/).flatMap((part) => [part, make('wbr')]);

function headCell(by, label, note) {
  const { sort } = state;
  const active = sort.by === by;
  const press = () => {
    state.sort = { by, down: active ? !sort.down : typeof by === 'number' };
    drawTable(passing());
    element('table').querySelector(`[data-by="${by}"]`).focus();
    say([`sorted by ${label}, ${state.sort.down ? 'descending' : 'ascending'}`]);
  };
  const arrow = make('span', { 'aria-hidden': 'true', class: 'arrow' }, active ? (sort.down ? '▼' : '▲') : '');
  const button = make('button', { type: 'button', 'data-by': by, onclick: press }, ...breakable(label), ' ', arrow);
  const direction = active ? (sort.down ? 'descending' : 'ascending') : null;
  return make('th', { scope: 'col', 'aria-sort': direction }, button, note ? make('small', {}, note) : '');
}

function bodyRow(c, groups) {
  const { view } = state;
  const alike = best(view, groups, [c]);
  const open = () => openRuns(c, groups);
  const cells = groups.map((group) => {
    const { mean: value, n } = group.means[c];
    const few = n && n < group.seeds ? make('small', {}, ` n ${n}`) : '';
    const cell = make('td', { class: alike.has(group) ? 'best' : null }, shown(value), few);
    cell.style.setProperty('--share', `${value || 0}%`);
    cell.style.setProperty('--colour', `var(--group${group.number % COLOURS})`);
    cell.addEventListener('click', () => openRuns(c, [group]));
    return cell;
  });
  const name = make('button', { type: 'button', class: 'name', onclick: open }, ...breakable(view.compositions[c]));
  const row = make('tr', {}, make('th', { scope: 'row' }, name), ...(view.bits ? [] : [make('td', {}, `${view.count[c]}`)]), ...cells);
  row.addEventListener('pointerenter', () => showExamples(c));
  row.addEventListener('focusin', () => showExamples(c));
  return row;
}

function drawTable(compositions) {
  const groups = shownGroups();
  const head = state.view.bits ? [headCell('name', 'Split')] : [headCell('name', 'Composition'), headCell('count', 'Number')];
  head.push(...groups.map((group) => headCell(group.number, group.label, `n = ${group.seeds}`)));
  element('table').replaceChildren(
    make('caption', { class: 'unseen' }, 'Mean accuracy by composition and method; columns can be sorted'),
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...sortedCompositions(compositions).map((c) => bodyRow(c, groups))),
  );
}
