// Example images of the composition under the cursor or the keyboard's focus, beside the images as they were.

let exampleShown = null;

function pictureOf(group, name) {
  const views = group ? [group] : shownGroups();
  const numbers = [...new Set(views.map((one) => one.examples).filter((e) => e !== undefined))];
  const found = numbers.map((e) => report.examples[e]).find((picture) => picture.compositions.includes(name));
  return { picture: found, several: numbers.length > 1 };
}

function tiles(picture, name) {
  const row = picture.compositions.indexOf(name);
  const sides = [picture.tile, picture.tile].flat().slice(0, 2); // older pictures: one number for both
  const [height, width] = sides.map((side) => side * Math.max(1, 56 / Math.max(...sides)));
  const of = `class${picture.targets.length > 1 ? 'es' : ''} ${picture.targets.join(', ')}`;
  const strip = make('div', { role: 'img', class: 'tiles', 'aria-label': `Test images (${of}) under ${name}` });
  picture.targets.forEach((_, column) => {
    const tile = make('div', { class: 'tile' });
    Object.assign(tile.style, {
      width: `${width}px`,
      height: `${height}px`,
      backgroundImage: `url("${picture.uri}")`,
      backgroundSize: `${width * picture.targets.length}px ${height * picture.compositions.length}px`,
      backgroundPosition: `${-width * column}px ${-height * row}px`,
    });
    strip.append(tile);
  });
  return strip;
}

function pairOfTiles(picture, name) {
  const names = name === 'Identity' || !picture.compositions.includes('Identity') ? [name] : ['Identity', name];
  const caption = (one) => (one === 'Identity' ? 'as they are' : one.split('-').join(' → '));
  return names.map((one) => make('figure', {}, tiles(picture, one), make('figcaption', {}, caption(one))));
}

// group: whose test images; null for those of all that are shown.
function showExamples(composition, group = null) {
  if (state.view.bits) return;
  const name = state.view.compositions[composition];
  const key = [report.views.indexOf(state.view), name, group?.number].join();
  if (key === exampleShown) return;
  exampleShown = key;
  const { picture, several } = pictureOf(group, name);
  element('examples-name').textContent = name;
  element('examples').replaceChildren(...(picture ? pairOfTiles(picture, name) : []));
  let note = `Test images ${picture?.index.join(', ')} of ${state.view.dataset} ${state.view.split}.`;
  if (!picture) note = 'No example images are stored for this composition: a run writes them to outputs/examples.';
  else if (several) note += ' These runs were not all tested on the same images.';
  element('examples-note').textContent = note;
}
