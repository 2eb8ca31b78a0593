// Text of the store is text: every node is made by hand, nothing is parsed as HTML. What would be invisible or would turn the
// reading direction (controls, NUL, bidirectional marks) is shown by its code.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const LONG = 20000;

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

function safe(text, words) {
  const made = document.createDocumentFragment();
  for (const [part, hit] of split(String(text), words)) {
    const into = hit ? made.appendChild(document.createElement("mark")) : made;
    let last = 0;
    for (const found of part.matchAll(HIDDEN)) {
      into.append(part.slice(last, found.index), el("span", { class: "code" }, named(found[0])));
      last = found.index + found[0].length;
    }
    into.append(part.slice(last));
  }
  return made;
}

function plain(text) {
  return String(text).replace(HIDDEN, named);
}

function named(mark) {
  return "U+" + mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

function split(text, words) {
  if (!words) return [[text, false]];
  const parts = [], low = text.toLowerCase(), wanted = words.toLowerCase();
  let last = 0;
  for (let at = low.indexOf(wanted); at >= 0 && parts.length < 400; at = low.indexOf(wanted, last)) {
    parts.push([text.slice(last, at), false], [text.slice(at, at + wanted.length), true]);
    last = at + wanted.length;
  }
  parts.push([text.slice(last), false]);
  return parts;
}

// A block of text; one that is very long is shown in part until asked for.
function block(text, words, full) {
  if (text === null || text === undefined) return el("p", { class: "note" }, "nothing");
  if (text === "") return el("p", { class: "note" }, "empty");
  const box = el("div", { class: "text", dir: "auto" }, safe(text.slice(0, LONG), words));
  const rest = text.length - LONG, made = [box];
  if (rest > 0) {
    const more = el("button", { type: "button", class: "quiet" }, `Show the other ${count(rest)} characters`);
    more.addEventListener("click", () => { box.append(safe(text.slice(LONG), words)); more.remove(); });
    made.push(more);
  }
  if (full && text.length >= LONG) made.push(el("p", { class: "note" }, `Cut for this file: the longest text of this row has ${count(full)} characters. The whole: cotdistill report --serve`));
  return el("div", {}, made);
}

function count(n) {
  return Number(n).toLocaleString("en-US");
}

function several(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

function percent(k, n) {
  return n ? `${(100 * k / n).toFixed(1)} %` : "–";
}

const MARKS = { correct: "✓", wrong: "✗", unparsed: "?", ungradable: "–", unusable: "∅", unjudged: "·" };

function badge(verdict) {
  return el("span", { class: `badge ${MARKS[verdict] ? verdict : "unjudged"}` }, `${MARKS[verdict] || "·"} ${verdict}`);
}

function facts(pairs) {
  const kept = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { class: "facts" }, kept.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value instanceof Node ? value : safe(value)))));
}

function folded(summary, ...children) {
  return el("details", {}, el("summary", {}, summary), ...children);
}
