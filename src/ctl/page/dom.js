// Making and changing elements. Whatever comes from the API becomes a text
// node, so that no name can be markup.

export const $ = (id) => document.getElementById(id);

// An element with attributes and children (nodes or texts).
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== null && value !== false)
      made.setAttribute(name, value === true ? '' : value);
  made.append(...children);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Leaves the node alone where nothing changes, so that a selection stays.
export function setText(node, text) {
  if (node.textContent !== text)
    node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value)
    node.setAttribute(name, value);
}

// Tells it to who hears the page instead of seeing it.
export function announce(text) {
  $('announcement').textContent = text;
}

// What cannot be seen, or turns the text around it, is shown by its number;
// but for the joiner in emoji.
const HIDDEN = new RegExp('(?<!\\p{Extended_Pictographic}\\ufe0f?'
  + '\\p{Emoji_Modifier}?)\\u200d|(?!\\u200d)[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]',
'gu');

export const visible = (text) => text.replace(HIDDEN,
  (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

// A name that somebody else has chosen.
export function name(text) {
  const seen = visible(text);
  return el('bdi', { class: 'name', title: seen }, seen);
}
