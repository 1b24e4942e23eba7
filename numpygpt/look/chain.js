"use strict";
/* The chain of rules and filters, as numpygpt.decoding computes it, for the page.

   A row is { z, n }: z, a Float32Array, has the logit of every entry, -Infinity where it
   was removed; n, how many tokens an entry stands for. That is 1 for a token. Of a large
   vocabulary the page holds the likeliest tokens one by one and the others in groups of
   neighbours, which are kept or removed together.

   NumPy computes in float32 wherever a logit is changed, and in float64 wherever
   probabilities are summed. So does this file: Math.fround rounds to float32. */

const f32 = Math.fround;

// ---- What all filters need ----------------------------------------------------------

const largest = (z) => z.reduce((a, b) => (b > a ? b : a), -Infinity);

/* Weights n * exp(z - max), and their sum. */
function weigh({ z, n }) {
  const top = largest(z);
  const w = Float64Array.from(z, (value, i) => n[i] * Math.exp(value - top));
  return { w, total: w.reduce((a, b) => a + b, 0) };
}

/* The probability of every entry: of all its tokens together. */
function probabilities(row) {
  const { w, total } = weigh(row);
  return w.map((value) => value / total);
}

/* The probability of a single token of every entry. */
function each(row) {
  return probabilities(row).map((p, i) => p / row.n[i]);
}

/* In nats: the sum of -p ln p over all tokens. */
function entropy(row) {
  const p = probabilities(row);
  let sum = 0;
  p.forEach((value, i) => {
    if (value > 0) sum -= value * Math.log(value / row.n[i]);
  });
  return sum;
}

/* The entries that are left, by a key, smallest first; among equals the lower one. */
function sorted({ z }, key) {
  const left = [];
  z.forEach((value, i) => value > -Infinity && left.push(i));
  return left.sort((a, b) => key[a] - key[b] || a - b);
}

const best = (row) => sorted(row, row.z.map((value) => -value));

/* The first entries of an order, as long as the sum of `parts` has not reached `goal`;
   the one that reaches it is kept. */
function until(order, parts, goal) {
  let sum = 0;
  const count = order.findIndex((i) => (sum += parts[i]) >= goal) + 1;
  return new Set(count ? order.slice(0, count) : order);
}

/* The row with -Infinity wherever `test(i)` is false. */
function keep({ z, n }, test) {
  return { z: z.map((value, i) => (test(i) ? value : -Infinity)), n };
}

const change = ({ z, n }, f) => ({ z: z.map((value, i) => f32(f(value, i))), n });

// ---- Filters: which tokens may come next --------------------------------------------

function temperature(row, s) {
  if (s.dynatemp_range) return dynamicTemperature(row, s);
  return divided(row, s.temperature);
}

function divided(row, value) {
  const by = f32(Math.min(Math.max(value, 1.1754943508222875e-38), 3.4028234663852886e38));
  const out = change(row, (z) => z / by);
  if (Number.isFinite(largest(out.z))) return out;
  const top = largest(row.z); // too sharp for the number format
  return change(row, (z) => f32(z - top) / by);
}

function dynamicTemperature(row, s) {
  const n = row.z.reduce((sum, z, i) => sum + (z > -Infinity ? row.n[i] : 0), 0);
  if (n === 1) return row;
  const low = Math.max(0, s.temperature - s.dynatemp_range);
  const high = s.temperature + s.dynatemp_range;
  const doubt = Math.min(1, entropy(row) / Math.log(n));
  const between = low + (high - low) * doubt ** s.dynatemp_exponent;
  if (between) return divided(row, between);
  const top = largest(row.z);
  return keep(row, (i) => row.z[i] === top);
}

function topK(row, s, { habits }) {
  let left = s.top_k;
  if (habits.ties === "lowest") { // exactly k
    const kept = new Set(best(row).filter((i) => (left -= row.n[i]) >= 0));
    return keep(row, (i) => kept.has(i));
  }
  const border = best(row).find((i) => (left -= row.n[i]) <= 0);
  return border === undefined ? row : keep(row, (i) => row.z[i] >= row.z[border]);
}

function topP(row, s) {
  const { w, total } = weigh(row);
  const kept = until(best(row), w, s.top_p * total);
  return keep(row, (i) => kept.has(i));
}

function minP(row, s) {
  const top = largest(row.z), border = f32(Math.log(s.min_p));
  return keep(row, (i) => f32(row.z[i] - top) >= border);
}

function topA(row, s) {
  const p = each(row);
  const border = s.top_a * largest(p) ** 2;
  return keep(row, (i) => p[i] >= border);
}

function typicalP(row, s, { habits }) {
  const { w, total } = weigh(row);
  const expected = entropy(row);
  const odd = w.map((weight, i) =>
    Math.abs(Math.log(total) - Math.log(weight / row.n[i]) - expected));
  const goal = s.typical_p * total * (1 + 1e-7 * habits.beyond);
  const kept = until(sorted(row, odd), w, goal);
  return keep(row, (i) => kept.has(i));
}

function epsilonCutoff(row, s) {
  const p = each(row), top = largest(row.z);
  return keep(row, (i) => p[i] >= s.epsilon_cutoff || row.z[i] === top);
}

function etaCutoff(row, s) {
  const p = each(row), top = largest(row.z), eta = s.eta_cutoff;
  const border = Math.min(eta, Math.sqrt(eta) * Math.exp(-entropy(row)));
  return keep(row, (i) => p[i] >= border || row.z[i] === top);
}

function topNSigma(row, s) {
  const top = largest(row.z);
  const behind = Float64Array.from(row.z, (z) => f32(z - top));
  let n = 0, sum = 0, squares = 0;
  behind.forEach((b, i) => {
    if (b > -Infinity) { n += row.n[i]; sum += row.n[i] * b; }
  });
  behind.forEach((b, i) => {
    if (b > -Infinity) squares += row.n[i] * (b - sum / n) ** 2;
  });
  const border = -s.top_n_sigma * Math.sqrt(squares / n);
  return keep(row, (i) => behind[i] >= border);
}

function topH(row, s) {
  const p = probabilities(row), order = best(row);
  let sum = 0;
  const sums = order.map((i) =>
    (sum -= p[i] > 0 ? p[i] * Math.log(p[i] / row.n[i]) : 0));
  const count = sums.filter((value) => value <= s.top_h * sum).length;
  const kept = new Set(order.slice(0, Math.max(1, count)));
  return keep(row, (i) => kept.has(i));
}

function xtc(row, s) {
  const p = each(row);
  const top = best(row).filter((i) => p[i] >= s.xtc_threshold);
  const gone = new Set(top.slice(0, -1));
  return keep(row, (i) => !gone.has(i));
}

// ---- Rules that look at the text so far ---------------------------------------------
// context: the ids so far; output: those behind the prompt; at(id): the id's entry;
// habits: what Hugging Face's chain and llama.cpp's do differently.

const last = (ids, n) => (n < 0 ? ids : ids.slice(Math.max(0, ids.length - n)));

/* What the penalties that count look at. */
function counted({ context, output, habits }) {
  return last(habits.prompt_counts ? context : output, habits.penalty_last_n);
}

function repetitionPenalty(row, s, { context, at, habits }) {
  const seen = new Set(last(context, habits.penalty_last_n).map(at));
  const by = f32(s.repetition_penalty);
  return change(row, (z, i) => (seen.has(i) ? (z < 0 ? z * by : z / by) : z));
}

function frequencyPenalty(row, s, text) {
  const counts = new Map();
  for (const i of counted(text).map(text.at)) counts.set(i, (counts.get(i) || 0) + 1);
  return change(row, (z, i) => z - f32(s.frequency_penalty * (counts.get(i) || 0)));
}

function presencePenalty(row, s, text) {
  const seen = new Set(counted(text).map(text.at));
  return change(row, (z, i) => (seen.has(i) ? z - f32(s.presence_penalty) : z));
}

/* How many tokens stand behind the last breaker, a list of ids that no repeat crosses. */
function behindBreaker(context, breakers) {
  for (let at = context.length - 1; at >= 0; at--) {
    const found = breakers.filter((b) => b.every((id, i) => id === context[at + i]));
    if (found.length) {
      return context.length - at - Math.max(...found.map((b) => b.length));
    }
  }
  return context.length;
}

function dry(row, s, text) {
  const { at, habits } = text, context = last(text.context, habits.dry_last_n);
  const longest = new Map(), end = context.length - 1;
  const most = behindBreaker(context, habits.breakers);
  for (let place = 0; place < end; place++) {
    let length = 0; // how many tokens up to this place equal the last ones
    while (length <= place && length < most
           && context[place - length] === context[end - length]) length++;
    const next = at(context[place + 1]);
    if (length > (longest.get(next) || 0)) longest.set(next, length);
  }
  for (const b of habits.breakers) if (b.length === 1) longest.delete(at(b[0]));
  return change(row, (z, i) => {
    const length = longest.get(i) || 0;
    if (length < Math.max(1, s.dry_allowed_length)) return z;
    const power = (length - s.dry_allowed_length) * Math.log(s.dry_base);
    return z - f32(s.dry_multiplier * Math.exp(Math.min(power, 80)));
  });
}

function noRepeatNgram(row, s, { context, at }) {
  const size = s.no_repeat_ngram_size, gone = new Set();
  const last = context.slice(context.length - size + 1);
  for (let start = 0; start + size <= context.length; start++) {
    if (last.every((id, i) => id === context[start + i])) {
      gone.add(at(context[start + size - 1]));
    }
  }
  return keep(row, (i) => !gone.has(i));
}

// ---- The chain ----------------------------------------------------------------------

const STEPS = {
  repetition_penalty: repetitionPenalty, frequency_penalty: frequencyPenalty,
  presence_penalty: presencePenalty, dry, no_repeat_ngram_size: noRepeatNgram,
  temperature, top_h: topH, top_k: topK, top_p: topP, min_p: minP, top_a: topA,
  typical_p: typicalP, epsilon_cutoff: epsilonCutoff, eta_cutoff: etaCutoff,
  top_n_sigma: topNSigma, xtc,
};

/* Run the links over a row, in order. Each link is { name, settings: [{ name, default,
   needs }], filter }; `s` has a value for every setting. Returns the last row and a
   result for each link that is on: the rows before and after. */
function runChain(links, row, s, text) {
  const results = [];
  for (const link of links) {
    const on = link.settings.some(
      (x) => !x.needs && s[x.name] !== null && s[x.name] !== x.default);
    if (!on || (link.filter && !s.do_sample)) continue;
    if (link.name === "top_n_sigma" && !s.top_n_sigma && text.habits.sigma_0_is_off) {
      continue;
    }
    const after = STEPS[link.name](row, s, text);
    if (largest(after.z) === -Infinity) {
      throw new Error(`${link.name} removes every token that was left`);
    }
    results.push({ name: link.name, before: row, after });
    row = after;
  }
  return { results, row };
}

/* The probability of every entry behind the chain. xtc acts by chance: the exact
   probabilities are a mixture of with and without. */
function distribution(links, row, s, text) {
  const end = (settings) => {
    const last = runChain(links, row, settings, text).row;
    if (s.do_sample) return probabilities(last);
    const first = last.z.indexOf(largest(last.z));
    return Float64Array.from(last.z, (_, i) => (i === first ? 1 : 0));
  };
  const share = s.do_sample && links.some((x) => x.name === "xtc") ? s.xtc_probability : 0;
  if (!share) return end(s);
  const acting = end({ ...s, xtc_probability: 1 });
  const resting = end({ ...s, xtc_probability: 0 });
  return acting.map((p, i) => share * p + (1 - share) * resting[i]);
}
