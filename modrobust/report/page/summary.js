// Accuracy of each group by number of corruptions.

function drawSummary(compositions) {
  const { view } = state;
  const columns = view.counts.map((n) => compositions.filter((c) => view.count[c] === n));
  const used = view.counts.map((_, i) => i).filter((i) => columns[i].length);
  const head = ['Method', 'n', ...used.map((i) => view.countName(view.counts[i]))];
  const groups = shownGroups();
  const found = groups.map((group) => used.map((i) => overSeeds(view, group, columns[i])));
  const alike = used.map((i) => best(view, groups, columns[i]));
  const rows = groups.map((group, row) => {
    const cells = found[row].map((of, k) =>
      make('td', { class: alike[k].has(group) ? 'best' : null }, withInterval(of)),
    );
    return make('tr', {}, make('th', { scope: 'row' }, swatch(group), ` ${group.label}`), make('td', {}, `${group.seeds}`), ...cells);
  });
  const counts = used.map((i) => make('td', {}, `${columns[i].length}`));
  if (!view.bits) rows.push(make('tr', { class: 'quiet' }, make('th', { scope: 'row' }, 'compositions'), make('td'), ...counts));
  element('summary').replaceChildren(
    make('caption', { class: 'unseen' }, 'Accuracy by method and number of corruptions'),
    make('thead', {}, make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text)))),
    make('tbody', {}, ...rows),
  );
}
