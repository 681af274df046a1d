// What is shown: a view, some of its groups, the compositions that pass the filters, in an order.

const state = { view: null, groups: new Set(), count: '', containing: '', text: '', sort: { by: 'count', down: false } };
const MOST = 7; // groups shown at first: more boxes side by side cannot be told apart

const element = (id) => document.getElementById(id);

// An element with attributes and children; text is only ever text.
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const shownGroups = () => state.view.groups.filter((group) => state.groups.has(group.number));

function passing() {
  const { view, count, containing } = state;
  const text = state.text.trim().toLowerCase();
  const all = view.compositions.map((_, c) => c);
  return all.filter(
    (c) =>
      (count === '' || view.count[c] === Number(count)) &&
      (containing === '' || view.parts[c].includes(containing)) &&
      view.compositions[c].toLowerCase().includes(text),
  );
}

// By number of corruptions, then from easy to hard.
function byDifficulty(compositions) {
  const { count, difficulty } = state.view;
  return [...compositions].sort((a, b) => count[a] - count[b] || difficulty[b] - difficulty[a]);
}

function fillFilters() {
  const { view } = state;
  const options = (id, choices) =>
    element(id).replaceChildren(...choices.map(([value, label]) => make('option', { value }, label)));
  options('count', [['', 'any'], ...view.counts.map((n) => [n, String(n)])]);
  options('containing', [['', 'any'], ...view.corruptions.map((name) => [name, name])]);
  const boxes = view.groups.map((group) => {
    const input = make('input', { type: 'checkbox', value: group.number });
    input.checked = state.groups.has(group.number);
    return make('label', {}, input, swatch(group), ` ${group.label}`);
  });
  element('methods-list').replaceChildren(...boxes);
}

function choose(view) {
  Object.assign(state, { view, count: '', containing: '', text: '' });
  state.sort = { by: 'count', down: false };
  state.groups = new Set(view.groups.slice(0, MOST).map((group) => group.number));
  element('text').value = '';
  fillFilters();
  if (view.bits) fillStructured();
}

function listen(redraw) {
  element('filters').addEventListener('submit', (event) => event.preventDefault());
  element('filters').addEventListener('reset', (event) => { event.preventDefault(); choose(state.view); redraw(); });
  element('view').addEventListener('change', (event) => { choose(report.views[event.target.value]); redraw(); });
  for (const [id, kind] of [['count', 'change'], ['containing', 'change'], ['text', 'input']]) {
    element(id).addEventListener(kind, (event) => { state[id] = event.target.value; redraw(); });
  }
  const boxes = () => [...element('methods-list').querySelectorAll('input')];
  const take = () => {
    state.groups = new Set(boxes().filter((input) => input.checked).map((input) => Number(input.value)));
    redraw();
  };
  element('methods-list').addEventListener('change', take);
  for (const [id, checked] of [['methods-all', true], ['methods-none', false]]) {
    element(id).addEventListener('click', () => { boxes().forEach((input) => { input.checked = checked; }); take(); });
  }
  element('methods').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    element('methods').open = false;
    element('methods').querySelector('summary').focus();
  });
}
