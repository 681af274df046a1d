// The tooltip, and the same words for screen readers where the keyboard moved.

function showTooltip(lines, x, y) {
  const tooltip = element('tooltip');
  tooltip.replaceChildren(...lines.map((line, i) => make(i ? 'div' : 'strong', {}, line)));
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  tooltip.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - width - 8))}px`;
  tooltip.style.top = `${y + 18 + height > window.innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
}

function hideTooltip() {
  element('tooltip').hidden = true;
}

function say(lines) {
  element('said').textContent = lines.join('; ');
}
