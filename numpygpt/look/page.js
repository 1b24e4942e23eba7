"use strict";
/* The page. chain.js, which stands before this file, computes; here things are shown.

   The data is JSON with a few arrays of numbers as base64. Nothing is ever made of text
   as HTML: texts go to the page as text, so they cannot be anything else.

   `position` is the token that is looked at. It was predicted behind the token before
   it, so all views show row position - 1 of the model's pass; one position more than
   the text has tokens stands for what would come next. */

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

/* Base64 -> numbers of a type. */
function numbers(text, Type) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Type(bytes.buffer);
}

const { n_tok, n_prompt, n_vocab, n_layer, n_head, n_entry } = data;
const logits = numbers(data.logits, Float32Array); // [n_tok, n_entry]
const listed = data.listed && numbers(data.listed, Uint16Array); // [n_tok, n_listed]
const counts = Float64Array.from({ length: n_entry }, (_, i) => {
  const group = i - (n_entry - data.groups.length);
  return group < 0 ? 1 : data.groups[group];
});
const attention = numbers(data.attention, Uint16Array);
const lensIds = numbers(data.lens.ids, Uint16Array); // [n_layer + 1, n_tok, n_top]
const lensP = numbers(data.lens.p, Float32Array);
const lensRank = numbers(data.lens.rank, Uint32Array); // [n_layer + 1, n_tok]
const lensAnswerP = numbers(data.lens.answer_p, Float32Array);

/* The model's row behind the first `n` tokens, and how to find a token in it. */
function rowOf(n) {
  const z = logits.subarray((n - 1) * n_entry, n * n_entry);
  if (!listed) return { row: { z, n: counts }, at: (id) => id, id: (i) => i };
  const n_listed = n_entry - data.groups.length;
  const ids = listed.subarray((n - 1) * n_listed, n * n_listed);
  const places = new Map(Array.from(ids, (id, i) => [id, i]));
  const id = (i) => (i < n_listed ? ids[i] : -1);
  return { row: { z, n: counts }, at: (token) => places.get(token), id };
}

const textOf = (id) => (id < 0 ? "others" : data.vocabulary[id]);
const percent = (p, digits = 1) =>
  p > 0 && p < 0.5 * 10 ** (-2 - digits)
    ? `< ${(10 ** -digits).toFixed(digits)} %` : `${(100 * p).toFixed(digits)} %`;
const quoted = (text) => `“${text}”`;

/* An element: properties, then children or texts. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// ---- State --------------------------------------------------------------------------

const state = {
  position: Math.min(n_prompt, n_tok), // the first new token
  settings: { ...data.settings },
  order: data.order,
  layer: n_layer - 1,
  head: 0,
};
const context = () => data.ids.slice(0, state.position);

/* What the chain makes of the row behind the context. */
function compute(position = state.position, settings = state.settings, order = state.order) {
  const { row, at, id } = rowOf(position);
  const ids = data.ids.slice(0, position);
  const habits = data.habits[order];
  const text = { context: ids, output: ids.slice(n_prompt), at, habits };
  const links = data.orders[order].map((name) => data.links[name]);
  const { results } = runChain(links, row, settings, text);
  return { row, at, id, results, p: distribution(links, row, settings, text) };
}

// ---- The text -----------------------------------------------------------------------

/* The model's probability of token t. */
function offered(t) {
  if (t === 0) return null;
  const { row, at } = rowOf(t);
  return probabilities(row)[at(data.ids[t])];
}

function tokenButton(t, p) {
  const text = t < n_tok ? data.tokens[t] : "next?";
  const button = make("button", { type: "button", className: "token", tabIndex: -1 }, text);
  if (t < n_prompt) button.classList.add("prompt");
  if (t === n_tok) button.classList.add("next");
  button.style.setProperty("--p", p === null ? 0 : p);
  const says = p === null ? "" : `, probability ${percent(p)}`;
  button.setAttribute("aria-label", t < n_tok
    ? `token ${t}: ${quoted(text)}${says}` : "what would come next");
  button.addEventListener("click", () => select(t));
  return button;
}

/* All tokens as buttons; a line break behind a token that ends a line. */
function fillText(box, probability) {
  box.replaceChildren();
  for (let t = 0; t <= n_tok; t++) {
    box.append(tokenButton(t, t < n_tok ? probability(t) : null));
    if (t < n_tok && data.tokens[t].endsWith("\\n")) box.append(make("br"));
  }
}

function select(t, focus = true) {
  state.position = Math.max(1, Math.min(n_tok, t));
  const buttons = $("text").querySelectorAll(".token");
  buttons.forEach((button, i) => {
    const here = i === state.position;
    button.tabIndex = here ? 0 : -1;
    if (here) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  if (focus) buttons[state.position].focus();
  showAll();
}

const STEP = { ArrowRight: 1, ArrowLeft: -1 };

function onKey(event) {
  const busy = event.target.closest("input, select, summary, #heads");
  if (busy || event.altKey || event.ctrlKey || event.metaKey) return;
  const to = event.key in STEP ? state.position + STEP[event.key]
    : event.key === "Home" ? 1 : event.key === "End" ? n_tok : null;
  if (to === null) return;
  event.preventDefault();
  select(to);
}

// ---- Candidates ---------------------------------------------------------------------

const N_SHOWN = 20;

/* Which link removed each entry: { entry: name }. */
function fates(results) {
  const gone = {};
  for (const { name, before, after } of results) {
    after.z.forEach((z, i) => {
      if (z === -Infinity && before.z[i] > -Infinity) gone[i] = name;
    });
  }
  return gone;
}

function showCandidates({ row, at, id, results, p }) {
  const model = probabilities(row);
  const chosen = state.position < n_tok ? at(data.ids[state.position]) : -1;
  const gone = fates(results);
  const shown = best(row).filter((i) => id(i) >= 0).slice(0, N_SHOWN);
  if (chosen >= 0 && !shown.includes(chosen)) shown.push(chosen);
  const head = ["token", "model", "drawn with", ""].map((text) =>
    make("th", { scope: "col" }, text));
  $("candidates").replaceChildren(make("tr", {}, ...head), ...shown.map((i) => {
    const bars = make("td", { className: "bars" });
    for (const [kind, value] of [["offered", model[i]], ["", p[i]]]) {
      const bar = make("div", { className: `bar ${kind}` });
      bar.style.width = `${100 * value}%`;
      bars.append(bar);
    }
    const fate = i in gone ? make("span", { className: "gone-by" }, `${gone[i]} ✗`)
      : percent(p[i]);
    const line = make("tr", { className: i in gone ? "gone" : "" },
      make("td", {}, make("code", {}, quoted(textOf(id(i))))),
      make("td", { className: "number" }, percent(model[i])),
      make("td", { className: "number" }, fate), bars);
    if (i === chosen) line.classList.add("chosen");
    return line;
  }));
  const before = quoted(data.tokens[state.position - 1]);
  $("next-hint").textContent = `Behind ${before}, token ${state.position - 1}. Grey: what `
    + "the model offers; blue: what is drawn from. Underlined: what the text has.";
  $("said").textContent = chosen < 0 ? `What would follow ${before}.`
    : `Token ${state.position}, ${quoted(data.tokens[state.position])}: the model says `
      + `${percent(model[chosen])}, `
      + (chosen in gone ? `${gone[chosen]} removes it.` : `drawn with ${percent(p[chosen])}.`);
}

// ---- The chain ----------------------------------------------------------------------

/* One setting: a slider and a box for exact values, which follow each other. */
function control(setting, link) {
  const range = make("input", {
    type: "range", min: setting.min, max: setting.max, step: setting.step,
    value: state.settings[setting.name] ?? setting.start, id: `slide-${setting.name}`,
    "aria-label": `${setting.name}, slider`,
  });
  const box = make("input", {
    type: "number", min: setting.least, step: "any", id: `set-${setting.name}`,
    value: state.settings[setting.name] ?? setting.start, "aria-label": setting.name,
  });
  const take = (from, other) => () => {
    const value = Number(from.value);
    if (from.value === "" || !Number.isFinite(value) || value < setting.least
        || (setting.most !== null && value > setting.most)
        || (setting.whole && !Number.isInteger(value))) {
      from.setCustomValidity("out of range");
      return;
    }
    from.setCustomValidity("");
    other.value = value;
    state.settings[setting.name] = value;
    if (!setting.needs) $(`on-${link.name}`).checked = true;
    showChoice();
  };
  range.addEventListener("input", take(range, box));
  box.addEventListener("input", take(box, range));
  return [range, box];
}

function linkItem(link) {
  const [first, ...others] = link.settings;
  const on = state.settings[first.name] !== null
    && link.settings.some((x) => !x.needs && state.settings[x.name] !== x.default);
  const toggle = make("input", { type: "checkbox", id: `on-${link.name}`, checked: on });
  const controls = control(first, link);
  toggle.addEventListener("change", () => {
    const value = Number(controls[1].value);
    const idle = value === first.default ? first.start : value;
    state.settings[first.name] = toggle.checked ? idle : first.default;
    if (toggle.checked) controls.forEach((input) => { input.value = idle; });
    else for (const x of others) if (!x.needs) state.settings[x.name] = x.default;
    showChoice();
  });
  const item = make("li", { id: `link-${link.name}` },
    make("div", { className: "row" }, make("label", {}, toggle, ` ${first.name}`),
      ...controls));
  item.title = first.help;
  for (const x of others) {
    item.append(make("div", { className: "row sub", title: x.help },
      make("label", {}, x.name), ...control(x, link)));
  }
  item.append(make("div", { className: "result" }));
  return item;
}

function buildChain() {
  $("do_sample").checked = state.settings.do_sample;
  $("order").replaceChildren(...Object.keys(data.orders).map((name) =>
    make("option", { value: name }, name)));
  $("order").value = state.order;
  $("links").replaceChildren(
    ...data.orders[state.order].map((name) => linkItem(data.links[name])));
}

/* What a link did: how many are left, and who stands on both sides of the border. */
function resultText({ before, after }, id) {
  const was = each(before), left = best(after), removed = [];
  let n_left = 0, mass = 0;
  after.z.forEach((z, i) => {
    if (z > -Infinity) n_left += after.n[i];
    else if (before.z[i] > -Infinity) { removed.push(i); mass += was[i] * before.n[i]; }
  });
  const bits = Math.abs(entropy(after) / Math.LN2).toFixed(2);
  let text = `${n_left} left, ${bits} bits`;
  if (!removed.length) return text;
  const kept = left.reduce((a, b) => (was[b] < was[a] ? b : a));
  const gone = removed.reduce((a, b) => (was[b] > was[a] ? b : a));
  text += `; removed ${percent(mass)} of the probability`;
  text += `; the least likely kept: ${quoted(textOf(id(kept)))} ${percent(was[kept], 3)}`;
  return `${text}; the likeliest removed: ${quoted(textOf(id(gone)))} `
    + percent(was[gone], 3);
}

function showLinks({ results, id }) {
  for (const name of data.orders[state.order]) {
    const item = $(`link-${name}`);
    const result = results.find((x) => x.name === name);
    item.classList.toggle("off", !result);
    item.querySelector(".result").textContent = result ? resultText(result, id) : "";
  }
}

/* After a slider moved: what depends on the chain. */
function showChoice() {
  $("trouble").textContent = "";
  try {
    const computed = compute();
    showCandidates(computed);
    showLinks(computed);
  } catch (error) {
    $("trouble").textContent = error.message;
  }
}

// ---- Attention ----------------------------------------------------------------------

/* How much token `from` looks at token `to`. Stored are the rows of the triangle. */
function weight(layer, head, from, to) {
  if (to > from) return 0;
  const triangle = (n_tok * (n_tok + 1)) / 2;
  const at = (layer * n_head + head) * triangle + (from * (from + 1)) / 2 + to;
  return attention[at] / 65535;
}

/* A head as a picture, a pixel a pair of tokens. */
function drawHead(canvas, layer, head, row = -1) {
  canvas.width = canvas.height = n_tok;
  const style = getComputedStyle(document.documentElement);
  const [r, g, b] = style.getPropertyValue("--shade").split(",").map(Number);
  const image = new ImageData(n_tok, n_tok);
  for (let from = 0; from < n_tok; from++) {
    for (let to = 0; to < n_tok; to++) {
      const strength = Math.sqrt(weight(layer, head, from, to)); // small ones show, too
      const lit = from === row ? Math.max(strength, 0.12) : strength;
      image.data.set([r, g, b, 255 * lit], 4 * (from * n_tok + to));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function buildHeads() {
  const options = (n) => Array.from({ length: n }, (_, i) =>
    make("option", { value: i }, String(i)));
  $("layer").replaceChildren(...options(n_layer));
  $("head").replaceChildren(...options(n_head));
  const size = Math.max(24, Math.min(64, Math.floor(700 / n_head)));
  $("heads").style.gridTemplateColumns = `repeat(${n_head}, ${size + 4}px)`;
  for (let layer = 0; layer < n_layer; layer++) {
    for (let head = 0; head < n_head; head++) {
      const canvas = make("canvas");
      canvas.style.width = canvas.style.height = `${size}px`;
      const name = `layer ${layer}, head ${head}`;
      const button = make("button", { type: "button", title: name, "aria-label": name },
        canvas);
      button.addEventListener("click", () => chooseHead(layer, head));
      $("heads").append(button);
    }
  }
}

function drawHeads() {
  $("heads").querySelectorAll("canvas").forEach((canvas, i) =>
    drawHead(canvas, Math.floor(i / n_head), i % n_head));
}

function chooseHead(layer, head) {
  state.layer = layer;
  state.head = head;
  showAttention();
}

function showAttention() {
  const { layer, head } = state, from = state.position - 1;
  $("layer").value = layer;
  $("head").value = head;
  $("heads").querySelectorAll("button").forEach((button, i) =>
    button.setAttribute("aria-pressed", String(i === layer * n_head + head)));
  drawHead($("map"), layer, head, from);
  const name = `layer ${layer}, head ${head}`;
  $("map").setAttribute("aria-label", `${name}: heat map of ${n_tok} by ${n_tok}`);
  const reader = quoted(data.tokens[from]);
  $("attention-hint").textContent = `What ${reader}, token ${from}, looks at: it stands `
    + `where token ${state.position} is predicted. A picture a head, a row a layer.`;
  const strong = Array.from({ length: from + 1 }, (_, to) => [to, weight(layer, head, from, to)])
    .filter(([, w]) => w >= 0.02).sort((a, b) => b[1] - a[1]);
  $("looks").textContent = `In ${name}, ${reader} looks at ` + strong.slice(0, 8)
    .map(([to, w]) => `${quoted(data.tokens[to])} (token ${to}) ${percent(w, 0)}`)
    .join(", ") + ".";
  drawLines(strong, from);
}

/* The text once more, with lines from the token that looks to those it looks at. */
function drawLines(strong, from) {
  const box = $("lines");
  fillText(box, (t) => (t <= from ? weight(state.layer, state.head, from, t) : 0));
  const buttons = box.querySelectorAll(".token");
  buttons[from].setAttribute("aria-current", "true");
  const frame = box.getBoundingClientRect();
  const middle = (t) => {
    const spot = buttons[t].getClientRects()[0];
    return [spot.left + spot.width / 2 - frame.left, spot.top - frame.top];
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", frame.width);
  svg.setAttribute("height", frame.height);
  for (const [to, w] of strong) {
    const [x, y] = middle(from), [u, v] = middle(to);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const lift = Math.min(y, v) - 16 - Math.abs(x - u) / 40;
    path.setAttribute("d", `M${x} ${y} C${x} ${lift} ${u} ${lift} ${u} ${v}`);
    path.setAttribute("stroke-width", 1 + 4 * w);
    path.setAttribute("stroke-opacity", 0.25 + 0.75 * w);
    svg.append(path);
  }
  box.append(svg);
}

// ---- The logit lens -----------------------------------------------------------------

function showLens() {
  const row = state.position - 1, n_top = data.lens.n_top;
  const first = ["after", ...Array.from({ length: n_top }, (_, i) => `${i + 1}.`),
    "the answer's rank", "and probability"];
  const lines = [make("tr", {}, ...first.map((x) => make("th", { scope: "col" }, x)))];
  const top = (layer, k) => lensIds[(layer * n_tok + row) * n_top + k];
  const answer = top(n_layer, 0);
  let settled = n_layer;
  while (settled && lensRank[(settled - 1) * n_tok + row] === 1) settled--;
  const name = (layer) => (layer ? `block ${layer - 1}` : "the embedding");
  for (let layer = 0; layer <= n_layer; layer++) {
    const at = layer * n_tok + row;
    const line = make("tr", {}, make("th", { scope: "row" }, name(layer)));
    for (let k = 0; k < n_top; k++) {
      const id = top(layer, k);
      const text = make("code", { className: id === answer ? "answer" : "" },
        quoted(textOf(id)));
      line.append(make("td", {}, text, ` ${percent(lensP[at * n_top + k], 0)}`));
    }
    line.append(make("td", { className: "number" }, String(lensRank[at])),
      make("td", { className: "number" }, percent(lensAnswerP[at])));
    lines.push(line);
  }
  $("lens").replaceChildren(...lines);
  $("lens-hint").textContent = `What the model would say behind ${quoted(data.tokens[row])} `
    + `if it ended earlier. Its answer, ${quoted(textOf(answer))}, is the best from `
    + `${name(settled)} on.`;
}

// ---- Beams --------------------------------------------------------------------------

const isKept = (node) => node.fate !== "dropped";

/* A beam that had one continuation only is told in one line with it. */
function beamNode(node) {
  let text = node.text, end = node;
  while (end.children.filter(isKept).length === 1) {
    end = end.children.find(isKept);
    text += end.text;
  }
  const place = node.place ? ` #${node.place}` : "";
  const words = [`step ${node.step}${place} `, make("code", {}, quoted(text)),
    ` ${end.score.toFixed(2)}${end.fate === "finished" ? " ✓ finished" : ""}`];
  const kind = node.alive ? "" : "dead";
  const why = end.died ? make("div", { className: "why" }, `died at ${end.died}`) : "";
  if (!end.children.length) return make("div", { className: `leaf ${kind}` }, ...words, why);
  return make("details", { open: node.alive },
    make("summary", { className: kind }, ...words), why, ...beamNodes(end.children));
}

/* The beams that were kept, and folded away the candidates that were not. */
function beamNodes(nodes) {
  const lost = nodes.filter((node) => !isKept(node));
  const lines = nodes.filter(isKept).map(beamNode);
  if (!lost.length) return lines;
  return [...lines, make("details", {},
    make("summary", { className: "dead" }, `${lost.length} candidates not kept`),
    ...lost.map((node) => make("div", { className: "leaf dead" },
      make("code", {}, quoted(node.text)), ` ${node.score.toFixed(2)}`)))];
}

function buildBeams() {
  $("beams-section").hidden = !data.beams;
  if (!data.beams) return;
  $("beams").replaceChildren(...beamNodes(data.beams.tree));
  $("beams-hint").textContent = `${data.beams.about} The number is the sum of `
    + "log-probabilities; #2 is the second best beam of its step. Fold a branch with a "
    + "click, or with Enter.";
}

// ---- The tokenizer ------------------------------------------------------------------

function showMerges() {
  const t = Math.min(state.position, n_tok - 1);
  const piece = data.pieces[data.piece_of[t]];
  const bytes = piece.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const rows = piece.merges.map((m) => make("tr", {},
    make("td", {}, make("code", {}, `${quoted(m.left)} + ${quoted(m.right)}`)),
    make("td", { className: "number" }, `merge no. ${m.rank + 1}`)));
  const tokens = piece.tokens.map((x) => `${quoted(x.text)} ${x.id}`).join("  ");
  $("merges").replaceChildren(
    make("p", {}, "The piece ", make("code", {}, quoted(piece.text)), `, bytes ${bytes}`),
    make("table", {}, ...rows), make("p", {}, `Tokens: ${tokens}`));
}

// ---- All of it ----------------------------------------------------------------------

function showAll() {
  showChoice();
  showAttention();
  showLens();
  showMerges();
}

function build() {
  $("about").textContent = data.about;
  $("holds").replaceChildren(...data.holds.map((text) => make("li", {}, text)));
  fillText($("text"), offered);
  buildChain();
  buildHeads();
  buildBeams();
  drawHeads();
  document.addEventListener("keydown", onKey);
  $("do_sample").addEventListener("change", () => {
    state.settings.do_sample = $("do_sample").checked;
    showChoice();
  });
  $("order").addEventListener("change", () => {
    state.order = $("order").value;
    buildChain();
    showChoice();
  });
  $("reset").addEventListener("click", () => {
    state.settings = { ...data.settings };
    state.order = data.order;
    buildChain();
    showChoice();
  });
  for (const id of ["layer", "head"]) {
    $(id).addEventListener("change", () =>
      chooseHead(Number($("layer").value), Number($("head").value)));
  }
  window.addEventListener("resize", showAttention);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawHeads();
    showAttention();
  });
  select(state.position, false);
}

build();
