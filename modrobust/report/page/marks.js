// Colours and marks of groups, and what the two charts share.

const COLOURS = 8; // see page.css: told apart with any colour vision; the letter tells the rest
const SVG = 'http://www.w3.org/2000/svg';

const colourOf = (group) => getComputedStyle(document.documentElement).getPropertyValue(`--group${group.number % COLOURS}`);
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

function letter(group) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const lap = Math.floor(group.number / letters.length);
  return letters[group.number % letters.length] + (lap ? lap + 1 : '');
}

function swatch(group) {
  const made = make('span', { class: 'swatch', 'aria-hidden': 'true' }, letter(group));
  made.style.background = `var(--group${group.number % COLOURS})`;
  return made;
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const PAPER = 680; // pixels across: A4 and US Letter within their margins
let printing = false;

// How wide a chart may be.
const widthFor = (host) => (printing ? PAPER : host.clientWidth);

// A canvas as sharp as the screen.
function canvas(width, height) {
  const made = make('canvas', { 'aria-hidden': 'true' });
  const scale = window.devicePixelRatio || 1;
  made.width = Math.round(width * scale);
  made.height = Math.round(height * scale);
  made.style.width = `${width}px`;
  made.style.height = `${height}px`;
  const pen = made.getContext('2d');
  pen.scale(scale, scale);
  return [made, pen];
}

// Where in a chart's content a pointer is.
function within(host, event) {
  const { left, top } = host.firstElementChild.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

// Show a chart's tooltip at a place in its content.
function tooltipAt(host, lines, x, y) {
  const { left, top } = host.firstElementChild.getBoundingClientRect();
  showTooltip(lines, left + x, top + y);
}
